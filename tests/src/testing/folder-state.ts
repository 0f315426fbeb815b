import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '@img/spec/digest';

/** Every file and link below a folder, by path, with what it is and holds; nothing for a folder that isn't there. */
export function folderState(folder: string): { readonly [path: string]: string } {
  const state: { [path: string]: string } = {};
  for (const path of pathsIn(folder)) {
    const stats = lstatSync(join(folder, path));
    if (stats.isDirectory()) continue;
    state[path] = stats.isFile()
      ? `${stats.mode.toString(8)} ${digestOf(readFileSync(join(folder, path)))}`
      : stats.isSymbolicLink()
        ? `link to ${readlinkSync(join(folder, path))}`
        : `special ${stats.mode.toString(8)}`;
  }
  return state;
}

/**
 * What is in a host's store that can't be there when no command runs: content that is not what its name says, and
 * anything that is unfinished. Beginnings of blobs that wait to be continued are no fault.
 */
export function faultsInStore(root: string): readonly string[] {
  return pathsIn(root).filter((path) => {
    const stats = lstatSync(join(root, path));
    if (stats.isDirectory()) return path.startsWith('leases/') || isTemporary(path);
    return !isWhole(root, path);
  });
}

function isWhole(root: string, path: string): boolean {
  const [folder = '', ...rest] = path.split('/');
  const read = () => readFileSync(join(root, path));
  const named = digestIn(rest.join('-'));
  switch (folder) {
    case 'blobs':
      return named !== undefined && digestOf(read()) === named;
    case 'layers': {
      if (path.endsWith('.index')) return true;
      return path.endsWith('.tar') && named !== undefined && digestOf(read()) === named;
    }
    case 'refs':
    case 'trees':
    case 'checkouts':
    case 'trust':
    case 'partials':
      return !isTemporary(path);
    default:
      return false;
  }
}

/** The digest that a file is named after: `sha256-3f…` with or without an extension. */
function digestIn(name: string): string | undefined {
  const [, algorithm, hex] = /^(sha256)-([0-9a-f]{64})(?:\.\w+)?$/.exec(name) ?? [];
  return algorithm === undefined ? undefined : `${algorithm}:${hex}`;
}

function isTemporary(path: string): boolean {
  return /(?:^|\/)\.(?:tmp|new)-/.test(path);
}

function pathsIn(folder: string): readonly string[] {
  try {
    return (readdirSync(folder, { recursive: true }) as string[]).toSorted();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
