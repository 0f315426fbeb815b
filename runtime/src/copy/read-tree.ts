import { type BigIntStats, constants } from 'node:fs';
import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { RuntimeError } from '../runtime-error.ts';
import { type ByteString, byteString, emptyByteString, quoteBytes } from '../tar/byte-string.ts';
import { type CopyItem, noContent, type OnLeftOut } from './copy-item.ts';
import { type CopyPlace, pathIn } from './copy-place.ts';

export type ReadTreeOptions = {
  readonly onLeftOut: OnLeftOut;
  /** The folder into which is copied, which must not be in what is copied. */
  readonly into?: Pick<BigIntStats, 'dev' | 'ino'>;
  /** Whether what is copied as a whole was found by following links, so that it can't be one. */
  readonly isFollowed?: boolean;
  readonly signal?: AbortSignal;
};

const pieceBytes = 256 * 1024;
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Reads a file, folder or link and all that is in it, parents before children, each folder sorted. Each name is looked
 * up in a folder that is open and without following links, so that what somebody changes meanwhile leads nowhere else.
 *
 * @throws RuntimeError COPY_REFUSED for a folder that is copied into itself, and for what can't be copied if it is all
 *   that is asked for; FILE_CHANGED; the reason of the signal
 */
export async function* readTree(
  { folder, name }: Pick<CopyPlace, 'folder' | 'name'>,
  options: ReadTreeOptions,
  path: ByteString = emptyByteString,
): AsyncGenerator<CopyItem> {
  options.signal?.throwIfAborted();
  const what = path === '' ? name : path;
  const stat = await unlessChanged(what, lstat(pathIn(folder, name), { bigint: true }));
  if (stat.isFile()) yield { ...itemOf(path, stat), content: () => contentOf(folder, name, path, stat.size) };
  else if (stat.isSymbolicLink()) {
    if (path === '' && options.isFollowed === true) throw changed(name);
    const target = byteString(await readlink(pathIn(folder, name), { encoding: 'buffer' }));
    yield { ...itemOf(path, stat), kind: 'link', target };
  } else if (stat.isDirectory()) {
    yield* readFolder({ folder, name }, options, path);
  } else {
    const kind = stat.isFIFO() ? 'a pipe' : stat.isSocket() ? 'a socket' : 'a device';
    if (path !== '') return options.onLeftOut(path, kind);
    throw new RuntimeError('COPY_REFUSED', `${quoteBytes(name)} is ${kind}`, {
      hint: 'files, folders and links can be copied',
    });
  }
}

async function* readFolder(
  { folder, name }: Pick<CopyPlace, 'folder' | 'name'>,
  options: ReadTreeOptions,
  path: ByteString,
): AsyncGenerator<CopyItem> {
  await using opened = await unlessChanged(
    path === '' ? name : path,
    open(pathIn(folder, name), readFlags | constants.O_DIRECTORY),
  );
  const stat = await opened.stat({ bigint: true });
  if (stat.ino === options.into?.ino && stat.dev === options.into.dev) {
    throw new RuntimeError('COPY_REFUSED', "a folder can't be copied into itself");
  }
  yield { ...itemOf(path, stat), kind: 'folder' };
  const names = await readdir(pathIn(opened.fd, emptyByteString), { encoding: 'buffer' });
  for (const inside of names.map(byteString).sort()) {
    const below = (path === '' ? inside : `${path}/${inside}`) as ByteString;
    yield* readTree({ folder: opened.fd, name: inside }, options, below);
  }
}

function itemOf(path: ByteString, stat: BigIntStats): CopyItem {
  const nanosecond = 1_000_000_000n;
  const rest = ((stat.mtimeNs % nanosecond) + nanosecond) % nanosecond;
  return {
    path,
    kind: 'file',
    mode: Number(stat.mode & 0o7777n),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mtimeSeconds: Number((stat.mtimeNs - rest) / nanosecond),
    mtimeNanoseconds: Number(rest),
    sizeBytes: stat.isFile() ? Number(stat.size) : 0,
    target: emptyByteString,
    content: noContent,
  };
}

// As much as it had when it was looked at: a log may well grow meanwhile.
async function* contentOf(
  folder: number,
  name: ByteString,
  path: ByteString,
  sizeBytes: bigint,
): AsyncGenerator<Uint8Array> {
  const what = path === '' ? name : path;
  await using file = await unlessChanged(what, open(pathIn(folder, name), readFlags));
  if (!(await file.stat()).isFile()) throw changed(what);
  for (let rest = Number(sizeBytes); rest > 0; ) {
    const piece = Buffer.allocUnsafe(Math.min(rest, pieceBytes));
    const { bytesRead } = await file.read(piece);
    if (bytesRead === 0) throw changed(what);
    rest -= bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}

// What was there a moment ago, and was something else.
async function unlessChanged<T>(path: ByteString, action: Promise<T>): Promise<T> {
  try {
    return await action;
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    throw ['ENOENT', 'ESRCH', 'ELOOP', 'ENOTDIR'].includes(code) ? changed(path, cause) : cause;
  }
}

function changed(path: ByteString, cause?: unknown): RuntimeError {
  return new RuntimeError('FILE_CHANGED', `${quoteBytes(path)} was changed while it was read`, {
    cause,
    hint: 'copy it again when nothing writes to it',
  });
}
