import { closeSync, fstatSync } from 'node:fs';
import { RuntimeError } from '../runtime-error.ts';
import { type ByteString, byteStringOf, emptyByteString } from '../tar/byte-string.ts';
import type { CopyItem, OnLeftOut } from './copy-item.ts';
import { type CopyPlace, findFolder, findPlace } from './copy-place.ts';
import { readArchive } from './read-archive.ts';
import { type ReadTreeOptions, readTree } from './read-tree.ts';
import { writeArchive } from './write-archive.ts';
import { type WriteTreeOptions, writeTree } from './write-tree.ts';

/** A path for processes that have a certain root: those of a container, or of this host. */
export type CopyPath = {
  /** Descriptor of the root folder. */
  readonly root: number;
  readonly path: string;
  /** How messages name it. */
  readonly what: string;
};

export type CopySource =
  | (CopyPath & { readonly kind: 'path'; readonly isFollowed: boolean })
  | { readonly kind: 'archive'; readonly bytes: AsyncIterable<Uint8Array> };

export type CopyTarget =
  | (CopyPath & { readonly kind: 'path' } & Pick<WriteTreeOptions, 'owner' | 'modeMask'>)
  | { readonly kind: 'archive'; readonly write: (bytes: AsyncIterable<Uint8Array>) => Promise<void> };

export type CopyFilesOptions = {
  readonly onLeftOut: OnLeftOut;
  readonly signal?: AbortSignal;
};

/**
 * Copies a file, folder or link, the way `docker cp` does: into the target if that is a folder, else as it. Of a source
 * that ends in `/.` only what is in the folder is copied. An archive is unpacked into a folder that is there.
 *
 * @throws RuntimeError FILE_UNKNOWN, FILE_CHANGED, COPY_REFUSED, HOST_UNSUPPORTED, ARCHIVE_*, ENTRY_PATH_INVALID; errors
 *   of the file system; the reason of the signal
 */
export async function copyFiles(
  source: CopySource,
  target: CopyTarget,
  options: CopyFilesOptions,
): Promise<void> {
  using from = openSource(source);
  if (target.kind === 'archive') return await target.write(writeArchive(from.read(options), from.name));
  const { folder, name, stat } = findTarget(target);
  try {
    const top = topName(target, { name, stat }, from);
    // Also if what is copied gets a new name there: what is made would be found and copied again, without end.
    const items = from.read({ ...options, into: fstatSync(folder, { bigint: true }) });
    await writeTree(items, folder, top, { ...target, ...options });
  } finally {
    closeSync(folder);
  }
}

type OpenSource = Disposable & {
  /** What it is called where it is copied to; empty if only what is in it is copied. */
  readonly name: ByteString;
  /** Undefined for an archive. */
  readonly isFolder: boolean | undefined;
  readonly read: (options: ReadTreeOptions) => AsyncIterable<CopyItem>;
};

function openSource(source: CopySource): OpenSource {
  if (source.kind === 'archive') {
    const read: OpenSource['read'] = ({ onLeftOut }) => readArchive(source.bytes, onLeftOut);
    return { name: emptyByteString, isFolder: undefined, read, [Symbol.dispose]: () => undefined };
  }
  const { root, path, what } = source;
  const place = findPlace(root, byteStringOf(path), source.isFollowed, what);
  const { folder, name, stat } = place;
  if (stat === undefined) {
    closeSync(folder);
    throw new RuntimeError('FILE_UNKNOWN', `${what} does not exist`);
  }
  return {
    name: /(?:^|\/)\.\/*$/.test(path) ? emptyByteString : name,
    isFolder: stat.isDirectory(),
    read: (options) => readTree(place, { ...options, isFollowed: source.isFollowed }),
    [Symbol.dispose]: () => closeSync(folder),
  };
}

function findTarget({ root, path, what }: CopyPath): CopyPlace {
  const place = findPlace(root, byteStringOf(path), true, what);
  if (place.name === '' || place.stat?.isDirectory() !== true) return place;
  closeSync(place.folder);
  return findFolder(root, byteStringOf(path), what);
}

/** The name that what is copied gets in the folder of the target; empty if that folder itself takes what is in it. */
function topName(
  { path, what }: CopyPath,
  { name, stat }: Pick<CopyPlace, 'name' | 'stat'>,
  from: Pick<OpenSource, 'name' | 'isFolder'>,
): ByteString {
  if (name === '') return from.name;
  if (from.isFolder === undefined || (from.isFolder && stat !== undefined)) {
    throw new RuntimeError('COPY_REFUSED', `${what} is no folder`);
  }
  if (!from.isFolder && path.endsWith('/'))
    throw new RuntimeError('FILE_UNKNOWN', `there is no folder ${what}`);
  return name;
}
