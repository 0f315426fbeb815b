import { isIP, isIPv6 } from 'node:net';

// Where those who answer on the loopback of the host have written whom they ask themselves.
export const upstreamFiles = ['/run/systemd/resolve/resolv.conf', '/run/NetworkManager/no-stub-resolv.conf'];

export type NameServerOptions = {
  /** Whether the container reaches addresses of IPv6. */
  readonly hasIpv6: boolean;
};

/**
 * The resolv.conf of a container in a network of its own: the first of the host's that names a server that can be
 * reached from there, without the servers that can't, such as those on the host's loopback.
 *
 * @param texts /etc/resolv.conf of the host, then {@link upstreamFiles}; undefined where one does not exist
 */
export function containerResolvConf(
  texts: readonly (string | undefined)[],
  options: NameServerOptions,
): string {
  const [own = [], ...others] = texts.map((text) => reachableLines(text ?? '', options));
  const found = [own, ...others].find((lines) => lines.some(isNameServer)) ?? own;
  return found.map((line) => `${line}\n`).join('');
}

function reachableLines(text: string, { hasIpv6 }: NameServerOptions): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => {
      if (/^(?:search|domain|options)\s/.test(line)) return true;
      const [keyword, address = ''] = line.split(/\s+/);
      // An address with a zone, such as fe80::1%eth0, is one of the host's own links.
      if (keyword !== 'nameserver' || isIP(address) === 0 || address.includes('%')) return false;
      return isIPv6(address) ? hasIpv6 && address !== '::1' : !address.startsWith('127.');
    });
}

function isNameServer(line: string): boolean {
  return line.startsWith('nameserver');
}
