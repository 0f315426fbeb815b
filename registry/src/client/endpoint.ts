import { quote } from '@img/spec/quote';
import { isLoopback, type RegistryHost } from '@img/spec/registry-host';
import { RegistryError } from '../registry-error.ts';

/** Where and how a registry is spoken to. */
export type RegistryEndpoint = {
  readonly host: RegistryHost;
  /** Scheme, host and port, for example `http://127.0.0.1:5000`. */
  readonly origin: string;
};

export type EndpointOptions = {
  /** Plain http for this machine and https for all others, unless somebody decided otherwise. */
  readonly scheme?: 'http' | 'https';
};

// Docker Hub is named by one host and spoken to at another.
const dockerHubHosts: ReadonlySet<string> = new Set(['docker.io', 'index.docker.io']);

export function isDockerHub(host: RegistryHost): boolean {
  return dockerHubHosts.has(host);
}

export function registryEndpoint(host: RegistryHost, { scheme }: EndpointOptions = {}): RegistryEndpoint {
  const usedScheme = scheme ?? (isLoopback(host) ? 'http' : 'https');
  return { host, origin: `${usedScheme}://${isDockerHub(host) ? 'registry-1.docker.io' : host}` };
}

/**
 * Whether a registry may send this client to the URL, by a redirect or as its token service: https on any host
 * of the network, and plain http only where the registry itself is spoken to so. A registry on the network
 * must not point at services of this machine, and one on this machine needs https beyond it.
 *
 * @throws RegistryError REDIRECT_REFUSED that says which of these is violated
 */
export function checkDestination(endpoint: RegistryEndpoint, from: URL, to: URL): void {
  const refused = (reason: string): RegistryError => {
    return new RegistryError(
      'REDIRECT_REFUSED',
      `registry ${endpoint.host} sent this client to ${quote(to.href)}, ${reason}`,
    );
  };
  if (to.protocol !== 'https:' && to.protocol !== 'http:') throw refused('which is not http or https');
  if (to.username !== '' || to.password !== '') throw refused('which has a user name in it');
  if (to.origin === endpoint.origin) return;
  const isHere = isLoopbackUrl(to);
  const isRegistryHere = isLoopback(endpoint.host);
  if (isHere && !isRegistryHere) throw refused('which is on this machine');
  if (to.protocol === 'https:') return;
  if (from.protocol === 'https:' || endpoint.origin.startsWith('https:')) {
    throw refused('which gives up the protection of https');
  }
  if (isRegistryHere && !isHere) throw refused('which is plain http on another machine');
}

/** Whether the URL can only mean this machine. */
export function isLoopbackUrl({ hostname }: URL): boolean {
  // The URL parser's spelling is the one of RegistryHost. The others are further ways to connect to oneself.
  return (
    isLoopback(hostname as RegistryHost) ||
    hostname === '0.0.0.0' ||
    hostname === '[::]' ||
    hostname.startsWith('[::ffff:7f')
  );
}
