import { Host, type HostFolders } from '@img/runtime/host';
import type { Config } from '../config/config.ts';

/** What this host has. Close it, or bind it with `await using`. */
export function openHost(config: Config): Host {
  return new Host(hostFolders(config));
}

export function hostFolders({ rootFolder, runFolder, trustFolders }: Config): HostFolders {
  return { store: rootFolder, run: runFolder, trust: trustFolders };
}
