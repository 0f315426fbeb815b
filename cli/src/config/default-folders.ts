import { join } from 'node:path';
import { type Environment, xdgFolder } from '../environment.ts';

/** Where things are as long as nothing else is configured. */
export type DefaultFolders = {
  /** Images and what is made of them. */
  readonly root: string;
  /** What lasts until the host is switched off. */
  readonly run: string;
  /** What can be made again. */
  readonly cache: string;
};

export function defaultFolders(environment: Environment): DefaultFolders {
  if (environment.isRoot) return { root: '/var/lib/img', run: '/run/img', cache: '/var/cache/img' };
  const root = join(xdgFolder(environment, 'XDG_DATA_HOME', '.local/share'), 'img');
  return {
    root,
    // Without a session there is no folder that ends with it; a shared one such as /tmp is not for this.
    run: join(xdgFolder(environment, 'XDG_RUNTIME_DIR', join(root, 'run')), 'img'),
    cache: join(xdgFolder(environment, 'XDG_CACHE_HOME', '.cache'), 'img'),
  };
}
