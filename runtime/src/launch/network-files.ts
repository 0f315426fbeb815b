import { readFileSync } from 'node:fs';
import type { HostNetworkFiles } from '../config/generated-files.ts';
import type { Network } from '../config/run-options.ts';
import { containerResolvConf, upstreamFiles } from '../network/name-servers.ts';
import type { JoinedNetwork } from '../network/networks.ts';
import { hasIpv6 } from '../network/plugin-result.ts';

const ownResolvConf = '/etc/resolv.conf';
// As podman calls it.
const gatewayName = 'host.containers.internal';

/** What a container is told of names in its network; undefined where it has none to ask. */
export function networkFiles(
  kind: Network,
  hostname: string,
  joined: JoinedNetwork | undefined,
): HostNetworkFiles | undefined {
  if (kind === 'host') return { hosts: read('/etc/hosts'), resolvConf: read(ownResolvConf) };
  return joined === undefined ? undefined : filesOf(joined, hostname);
}

function filesOf(joined: JoinedNetwork, hostname: string): HostNetworkFiles {
  const { addresses, gateway, nameservers } = joined;
  const hosts = [
    '127.0.0.1 localhost',
    '::1 localhost ip6-localhost ip6-loopback',
    ...addresses.map((address) => `${address} ${hostname}`),
    ...(gateway === undefined ? [] : [`${gateway} ${gatewayName}`]),
  ];
  const resolvConf =
    nameservers.length > 0
      ? nameservers.map((address) => `nameserver ${address}\n`).join('')
      : containerResolvConf([ownResolvConf, ...upstreamFiles].map(readText), { hasIpv6: hasIpv6(joined) });
  const encode = (text: string) => new TextEncoder().encode(text);
  return { hosts: encode(hosts.map((line) => `${line}\n`).join('')), resolvConf: encode(resolvConf) };
}

function readText(path: string): string | undefined {
  const bytes = read(path);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

function read(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch {
    // A host without the file: the app gets what it would get there.
    return undefined;
  }
}
