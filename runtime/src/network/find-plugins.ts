import { join } from 'node:path';
import { findProgram } from '../linux/find-program.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { NetworkList } from './network-list.ts';

/** Where plugins are: as their own releases are installed, then as distributions install them. */
export const pluginFolders = ['/opt/cni/bin', '/usr/lib/cni', '/usr/libexec/cni'];

export type FoundPlugins = {
  /** The folder of all of them; the plugins find there those that they need themselves. */
  readonly folder: string;
  /** In the order of the list. */
  readonly programs: readonly string[];
};

const hint =
  'put them into /opt/cni/bin; those of CNI itself are on Debian: apt-get install containernetworking-plugins iptables';

/**
 * Finds the first folder that has every plugin of a network, and those for addresses that these use.
 *
 * @throws RuntimeError NETWORK_MISSING
 */
export function findPlugins(
  { plugins }: NetworkList,
  folders: readonly string[] = pluginFolders,
): FoundPlugins {
  const types = plugins.map(({ type }) => type);
  const needed = [...types, ...plugins.flatMap(({ config }) => addressPlugin(config['ipam']))];
  const missing = folders.map((folder) => needed.filter((type) => !hasProgram(folder, type)));
  const folder = folders[missing.findIndex((types) => types.length === 0)];
  if (folder === undefined) {
    const fewest = missing.toSorted((a, b) => a.length - b.length)[0] ?? needed;
    throw new RuntimeError(
      'NETWORK_MISSING',
      `the network needs CNI plugins that this host does not have: ${fewest.join(', ')}`,
      { hint },
    );
  }
  if (types.some((type) => needsIptables.has(type)) && findProgram('iptables') === undefined) {
    throw new RuntimeError('NETWORK_MISSING', 'the network needs iptables, which is not installed', {
      hint: 'on Debian: apt-get install iptables',
    });
  }
  return { folder, programs: types.map((type) => join(folder, type)) };
}

const needsIptables = new Set(['bridge', 'firewall', 'portmap', 'ptp']);

function addressPlugin(ipam: unknown): readonly string[] {
  const type = typeof ipam === 'object' && ipam !== null && 'type' in ipam ? ipam.type : undefined;
  return typeof type === 'string' && type !== '' ? [type] : [];
}

// The folder alone counts, not that of another plugin with the same name.
function hasProgram(folder: string, name: string): boolean {
  return findProgram(name, folder) === join(folder, name);
}
