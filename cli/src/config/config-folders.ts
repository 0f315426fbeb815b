import { join, resolve } from 'node:path';
import { type Environment, variable, xdgFolder } from '../environment.ts';
import type { ConfigOptions } from './config-options.ts';

/** Where configuration is read from. */
export type ConfigFolders = {
  /** Of the host, for everybody; undefined for an instance of its own. */
  readonly host: string | undefined;
  /** Of the user, and of higher rank. */
  readonly user: string;
};

/** IMG_CONFIG or --config replaces both folders, so that a whole instance is apart from the host's. */
export function configFolders(environment: Environment, { config }: ConfigOptions): ConfigFolders {
  const only = config ?? variable(environment, 'IMG_CONFIG');
  if (only !== undefined) return { host: undefined, user: resolve(environment.workingFolder, only) };
  return { host: '/etc/img', user: join(xdgFolder(environment, 'XDG_CONFIG_HOME', '.config'), 'img') };
}
