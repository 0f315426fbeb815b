import { isIPv4 } from 'node:net';
import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';
import type { Network } from './run-options.ts';

/** A port of the host that leads to one of a container. */
export type PortMapping = {
  /** IPv4. `0.0.0.0` is every address of the host. */
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp';
};

const everyAddress = '0.0.0.0';
// What nobody meant to show to others isn't shown: databases were, by defaults that said otherwise.
const defaultAddress = '127.0.0.1';

/**
 * Reads `[ADDRESS:]HOST:CONTAINER[/tcp|/udp]`. Without an address only this host itself reaches the port.
 *
 * @throws RuntimeError PORT_INVALID
 */
export function parsePortMapping(text: string): PortMapping {
  const [, address, host = '', container = '', protocol = 'tcp'] =
    /^(?:([^/]*):)?(\d{1,5}):(\d{1,5})(?:\/(tcp|udp))?$/.exec(text) ?? [];
  if (host === '') {
    const isPort = /^\d{1,5}(?:\/(?:tcp|udp))?$/.test(text);
    throw invalid(text, 'should be [ADDRESS:]HOST:CONTAINER, or with /udp', {
      hint: isPort ? `which port of this host? For example ${text.replace(/\D.*/, '')}:${text}` : exampleHint,
    });
  }
  const [hostPort, containerPort] = [Number(host), Number(container)];
  if (!isPortNumber(hostPort) || !isPortNumber(containerPort)) {
    throw invalid(text, 'has a port that is none: they go from 1 to 65535');
  }
  if (address !== undefined && !isIPv4(address)) {
    throw invalid(text, 'has no IPv4 address where one may be', { hint: exampleHint });
  }
  return {
    hostAddress: address ?? defaultAddress,
    hostPort,
    containerPort,
    protocol: protocol === 'udp' ? 'udp' : 'tcp',
  };
}

const exampleHint =
  'for example 8080:80 for this host alone, or 0.0.0.0:8080:80 for all who can reach this host';

/** Writes what {@link parsePortMapping} reads, always with the address. */
export function formatPortMapping({ hostAddress, hostPort, containerPort, protocol }: PortMapping): string {
  return `${hostAddress}:${hostPort}:${containerPort}${protocol === 'udp' ? '/udp' : ''}`;
}

/** Whether both would take the same port of the host. */
export function isSamePort(a: PortMapping, b: PortMapping): boolean {
  const isSameAddress =
    a.hostAddress === b.hostAddress || a.hostAddress === everyAddress || b.hostAddress === everyAddress;
  return a.protocol === b.protocol && a.hostPort === b.hostPort && isSameAddress;
}

/**
 * Checks that ports can be published in that network, and that no two take the same port of the host.
 *
 * @throws RuntimeError PORT_INVALID
 */
export function checkPorts(mappings: readonly PortMapping[], network: Network): void {
  const [first] = mappings;
  if (first !== undefined && network !== 'bridge') {
    throw invalid(formatPortMapping(first), `needs the network bridge, not ${network}`, {
      hint:
        network === 'host'
          ? 'in the network of the host an app serves its ports there by itself'
          : 'in the network none nobody reaches the app',
    });
  }
  for (const [index, mapping] of mappings.entries()) {
    const other = mappings.slice(0, index).find((before) => isSamePort(before, mapping));
    if (other === undefined) continue;
    throw invalid(formatPortMapping(mapping), `takes the same port as ${formatPortMapping(other)}`);
  }
}

function isPortNumber(port: number): boolean {
  return port >= 1 && port <= 65_535;
}

function invalid(text: string, reason: string, options: { readonly hint?: string } = {}): RuntimeError {
  return new RuntimeError('PORT_INVALID', `published port ${quote(text)} ${reason}`, options);
}
