import { type BigIntStats, closeSync, lstatSync, readlinkSync } from 'node:fs';
import { openFolderInRoot } from '../linux/open-inside.ts';
import { hasErrno } from '../linux/system-call.ts';
import { RuntimeError } from '../runtime-error.ts';
import { type ByteString, byteString, bytesOf, emptyByteString, quoteBytes } from '../tar/byte-string.ts';

/** A name in a folder that is open, so that nobody can put another folder in its place. */
export type CopyPlace = {
  /** Descriptor of the folder; the caller closes it. */
  readonly folder: number;
  /** Empty for the folder itself. */
  readonly name: ByteString;
  /** Undefined if nothing has the name. */
  readonly stat: BigIntStats | undefined;
};

// As in the kernel (path_resolution(7)).
const maxLinks = 40;

/**
 * Finds what a path leads to for a process with that root. A link at its end is followed if asked, or if a slash comes
 * after it.
 *
 * @param root descriptor of the root folder
 * @param what how messages name the path
 * @throws RuntimeError FILE_UNKNOWN if the folder does not exist, COPY_REFUSED, HOST_UNSUPPORTED
 */
export function findPlace(root: number, path: ByteString, isFollowed: boolean, what: string): CopyPlace {
  let rest = path;
  for (let links = 0; links <= maxLinks; links += 1) {
    const [parent, name, isFolder] = splitPath(rest);
    if (name === '') return findFolder(root, parent, what);
    const folder = openFolder(root, parent, what);
    const found = orClose(folder, () => look(folder, name, isFollowed || isFolder));
    if (typeof found !== 'string') return { folder, name, stat: found };
    closeSync(folder);
    rest = `${found.startsWith('/') ? '' : `${parent}/`}${found}${isFolder ? '/' : ''}` as ByteString;
  }
  throw new RuntimeError('COPY_REFUSED', `${what} leads through more than ${maxLinks} links`);
}

/**
 * Like {@link findPlace}, for what must be a folder, which is found as such.
 *
 * @throws RuntimeError FILE_UNKNOWN, HOST_UNSUPPORTED
 */
export function findFolder(root: number, path: ByteString, what: string): CopyPlace {
  const folder = openFolder(root, path, what);
  const stat = orClose(folder, () => lstatSync(pathIn(folder, emptyByteString), { bigint: true }));
  return { folder, name: emptyByteString, stat };
}

/** What a name is; where it leads if it is a link that is followed. */
function look(folder: number, name: ByteString, isFollowed: boolean): CopyPlace['stat'] | ByteString {
  const path = pathIn(folder, name);
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat?.isSymbolicLink() !== true || !isFollowed) return stat;
  return byteString(readlinkSync(path, { encoding: 'buffer' }));
}

function orClose<Result>(folder: number, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    closeSync(folder);
    throw error;
  }
}

/** The path by which this process reaches a name in an open folder, without following a link at its end. */
export function pathIn(folder: number, name: ByteString): Buffer {
  // A slash at the end follows the link that a descriptor is in /proc.
  return Buffer.concat([Buffer.from(`/proc/self/fd/${folder}/`), bytesOf(name)]);
}

// Folder, last name, and whether it can only be a folder.
function splitPath(path: ByteString): readonly [parent: ByteString, name: ByteString, isFolder: boolean] {
  const bare = path.replace(/(?:\/+\.?)+$/, '') as ByteString;
  const slash = bare.lastIndexOf('/');
  const name = bare.slice(slash + 1) as ByteString;
  if (name === '' || name === '.' || name === '..') return [bare, emptyByteString, true];
  return [bare.slice(0, slash + 1) as ByteString, name, bare !== path];
}

function openFolder(root: number, path: ByteString, what: string): number {
  try {
    return openFolderInRoot(root, bytesOf(path === '' ? ('/' as ByteString) : path));
  } catch (cause) {
    if (hasErrno(cause, 'ENOENT')) {
      throw new RuntimeError(
        'FILE_UNKNOWN',
        `${what} does not exist: there is no folder ${quoteBytes(path)}`,
        { cause },
      );
    }
    if (hasErrno(cause, 'ENOTDIR')) {
      throw new RuntimeError('FILE_UNKNOWN', `${what} does not exist: ${quoteBytes(path)} is no folder`, {
        cause,
      });
    }
    if (hasErrno(cause, 'ELOOP', 'EACCES')) {
      throw new RuntimeError('COPY_REFUSED', `${what} leads through a link that is not followed`, {
        cause,
        hint: 'neither links of the kernel are, nor those of others in a folder that everybody may write to; name where it leads',
      });
    }
    if (hasErrno(cause, 'ENOSYS')) {
      throw new RuntimeError('HOST_UNSUPPORTED', 'copying needs openat2(2), which Linux has from 5.6 on', {
        cause,
      });
    }
    throw cause;
  }
}
