import { quote } from './quote.ts';
import { SpecError } from './spec-error.ts';

declare const hostBrand: unique symbol;

/** Where a registry is: `host.domain`, `host:port`, `localhost` or `[ipv6]:port`, in canonical spelling. */
export type RegistryHost = string & { readonly [hostBrand]: true };

const label = '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?';
const pattern = new RegExp(`^(${label}(?:\\.${label})*|\\[[0-9a-f:]+\\])(?::(\\d{1,5}))?$`);

/**
 * Parses a host with an optional port and makes its spelling canonical: lower case, shortest IPv6 address, no
 * zeros before the port. A single word other than `localhost` needs a port, because in a reference it would be
 * read as part of the name.
 *
 * @throws SpecError NAME_INVALID
 */
export function parseRegistryHost(text: string): RegistryHost {
  const match = text.length <= 253 ? pattern.exec(text.toLowerCase()) : null;
  const name = match === null ? undefined : canonicalName(match[1] ?? '');
  const port = match?.[2] === undefined ? undefined : Number(match[2]);
  const isWord = name !== undefined && name !== 'localhost' && !/[.:]/.test(name);
  if (name === undefined || port === 0 || (port ?? 0) > 65_535 || (isWord && port === undefined)) {
    throw new SpecError(
      'NAME_INVALID',
      `registry ${quote(text)} should be a host name or address such as registry.example.com or 127.0.0.1:5000`,
      isWord && port === undefined ? { hint: `write ${name}:443 if it is the name of a host` } : {},
    );
  }
  return (port === undefined ? name : `${name}:${port}`) as RegistryHost;
}

/** Whether the host can only be this machine, so that plain HTTP shows nothing to a network. */
export function isLoopback(host: RegistryHost): boolean {
  // Other names under .localhost may be asked of a name server on the network.
  const name = host.replace(/:\d+$/, '');
  return name === 'localhost' || name === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(name);
}

// The URL parser is what every client uses; it also refuses wrong addresses.
function canonicalName(name: string): string | undefined {
  const url = URL.parse(`https://${name}`);
  // It reads 127.1 and 0x7f.1 as addresses; nobody means them.
  return url === null || (/^[\d.]+$/.test(url.hostname) && url.hostname !== name) ? undefined : url.hostname;
}
