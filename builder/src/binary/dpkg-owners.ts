import { mergedPath } from '../deb/package-entry.ts';
import type { HostRoot } from '../elf/host-root.ts';

/** An installed package of the machine that programs are taken from. */
export type InstalledPackage = {
  readonly name: string;
  readonly version: string;
  /** Its paragraph of dpkg's status file. */
  readonly stanza: string;
};

const infoFolder = '/var/lib/dpkg/info';
const maxListBytes = 64 * 1024 * 1024;
const maxStatusBytes = 256 * 1024 * 1024;

/**
 * The Debian packages that files belong to, as `dpkg -S` would say; empty on a machine without dpkg. Lists may name
 * a file by its folder of old, /lib for /usr/lib.
 *
 * @param paths absolute, with all links followed
 */
export async function dpkgOwners(
  root: HostRoot,
  paths: readonly string[],
): Promise<ReadonlyMap<string, InstalledPackage>> {
  const wanted = new Set(paths);
  const found = new Map<string, string>();
  for (const name of await root.list(infoFolder)) {
    if (!name.endsWith('.list')) continue;
    const text = (await root.readSmall(`${infoFolder}/${name}`, maxListBytes)) ?? '';
    const owner = name.slice(0, -'.list'.length).replace(/:.*/, '');
    for (const line of text.split('\n')) {
      const path = `/${mergedPath(line.slice(1))}`;
      if (wanted.has(path)) found.set(path, owner);
    }
  }
  if (found.size === 0) return new Map();
  const packages = await installedPackages(root, new Set(found.values()));
  return new Map(
    [...found].flatMap(([path, name]): [string, InstalledPackage][] => {
      const owner = packages.get(name);
      return owner === undefined ? [] : [[path, owner]];
    }),
  );
}

async function installedPackages(
  root: HostRoot,
  names: ReadonlySet<string>,
): Promise<ReadonlyMap<string, InstalledPackage>> {
  const text = (await root.readSmall('/var/lib/dpkg/status', maxStatusBytes)) ?? '';
  const packages = new Map<string, InstalledPackage>();
  for (const stanza of text.split(/\n\n+/)) {
    const name = field(stanza, 'Package');
    const version = field(stanza, 'Version');
    if (name === undefined || version === undefined || !names.has(name)) continue;
    packages.set(name, { name, version, stanza: `${stanza.trim()}\n` });
  }
  return packages;
}

function field(stanza: string, name: string): string | undefined {
  return new RegExp(`^${name}: *(\\S+)$`, 'm').exec(stanza)?.[1];
}
