import { quote } from './quote.ts';
import { SpecError } from './spec-error.ts';

declare const hostBrand: unique symbol;

/** Where a registry is: `host`, `host:port` or `[ipv6]:port`, lower case. */
export type RegistryHost = string & { readonly [hostBrand]: true };

const label = '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?';
const pattern = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[0-9a-f:]+\\])(?::([0-9]{1,5}))?$`);

/** @throws SpecError NAME_INVALID */
export function parseRegistryHost(text: string): RegistryHost {
  const lower = text.toLowerCase();
  const match = lower.length <= 253 ? pattern.exec(lower) : null;
  const port = match?.[1];
  if (match === null || (port !== undefined && (Number(port) < 1 || Number(port) > 65_535))) {
    throw new SpecError(
      'NAME_INVALID',
      `registry ${quote(text)} should be a host name or address, with an optional :port`,
    );
  }
  return lower as RegistryHost;
}

/** Whether the host can only be this machine, so that plain HTTP shows nothing to a network. */
export function isLoopback(host: RegistryHost): boolean {
  const name = host.replace(/:\d+$/, '');
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '[::1]' ||
    /^127(?:\.\d{1,3}){3}$/.test(name)
  );
}
