import { closeSync, fstatSync, lstatSync, readFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type Digest, Digester, digestAlgorithm } from '@img/spec/digest';
import { dropCached } from '../linux/drop-cached.ts';
import { RuntimeError } from '../runtime-error.ts';
import {
  type CheckedFile,
  type FileIdentity,
  fileIdentity,
  isSameIdentity,
  openChecked,
  readFlags,
} from './file-identity.ts';
import { type LayerIndex, readIndex } from './index-reader.ts';
import type { LayerPlace } from './layer-place.ts';

/** A layer that is what its diffID says. */
export type CheckedLayer = {
  readonly diffId: Digest;
  readonly archive: CheckedFile;
  readonly index: CheckedFile;
};

/** What a stamp says of a layer. */
export type LayerStamp = { readonly archive: FileIdentity; readonly index: FileIdentity };

const pieceBytes = 1024 * 1024;
/** Collectors hide and show files while others check them, and repairs replace them; none does so for ever. */
const maxRounds = 5;

/** The stamp for a layer's files as they are now. */
export function layerStamp(archive: FileHandle, index: FileHandle): LayerStamp {
  return { archive: identityOf(archive), index: identityOf(index) };
}

export type CheckLayerOptions = {
  readonly signal?: AbortSignal;
  /** Whether everything is read from the disk and hashed again, whatever a stamp says. */
  readonly isDeep?: boolean;
};

/** The work behind `LayerStore.check`, which documents it. */
export async function checkLayer(
  place: LayerPlace,
  { signal, isDeep = false }: CheckLayerOptions,
): Promise<CheckedLayer> {
  const stamp = stampOf(place);
  if (!isDeep && place.stamps.has(place.stampName, stamp)) return checkedLayer(place, stamp);
  // It is set again if all is right; what is found out now counts for the next start, too.
  if (isDeep) place.stamps.remove(place.stampName);
  for (let round = 1; round <= maxRounds; round += 1) {
    await using archive = await openFile(place.archivePath, place.diffId);
    await using index = await openFile(place.indexPath, place.diffId);
    if (isDeep) for (const { fd } of [archive, index]) dropCached(fd);
    const before = layerStamp(archive, index);
    await checkContents(place, archive, index, signal);
    const after = layerStamp(archive, index);
    if (isSameIdentity(before.archive, after.archive) && isSameIdentity(before.index, after.index)) {
      place.stamps.set(place.stampName, after);
      return checkedLayer(place, after);
    }
  }
  throw damaged(place.diffId, `${place.archivePath} or its index was changed each time it was checked`);
}

/** Whether the archive that is there is what the layer's diffID says, whatever its index says. */
export async function hasRightArchive(
  { diffId, archivePath }: LayerPlace,
  { signal }: { readonly signal?: AbortSignal },
): Promise<boolean> {
  try {
    await using archive = await openFile(archivePath, diffId);
    const digester = new Digester(digestAlgorithm(diffId));
    for await (const bytes of piecesOf(archive)) {
      signal?.throwIfAborted();
      digester.update(bytes);
    }
    return digester.digest() === diffId;
  } catch (error) {
    if (isUnsound(error)) return false;
    throw error;
  }
}

/** The work behind `LayerStore.isSound`, which documents it. */
export async function isSound(
  place: LayerPlace,
  options: { readonly signal?: AbortSignal },
): Promise<boolean> {
  try {
    await checkLayer(place, options);
    return true;
  } catch (error) {
    if (isUnsound(error)) return false;
    throw error;
  }
}

/** Whether the index that is there has exactly these bytes. */
export function hasRightIndex({ indexPath }: LayerPlace, made: Uint8Array): boolean {
  const stats = lstatSync(indexPath, { throwIfNoEntry: false });
  if (stats?.isFile() !== true || stats.size !== made.length) return false;
  return Buffer.compare(readFileSync(indexPath, { flag: readFlags }), made) === 0;
}

function isUnsound(error: unknown): boolean {
  return error instanceof RuntimeError && /^LAYER_(?:MISSING|DAMAGED)$/.test(error.code);
}

/** The index of a layer that was checked. @throws RuntimeError LAYER_DAMAGED if it was changed since */
export function readCheckedIndex({ diffId, index }: CheckedLayer): LayerIndex {
  const descriptor = openChecked(index, 'LAYER_DAMAGED');
  try {
    const read = readIndex(readFileSync(descriptor), index.path);
    if (read.diffId === diffId) return read;
    throw damaged(diffId, `${index.path} is the index of ${read.diffId}`);
  } finally {
    closeSync(descriptor);
  }
}

/** Hashes the whole archive, and makes its index anew to compare it with the one that is stored. */
async function checkContents(
  { diffId, archivePath, indexPath }: LayerPlace,
  archive: FileHandle,
  index: FileHandle,
  signal: AbortSignal | undefined,
): Promise<void> {
  // Only here, because a layer with a stamp needs none of it.
  const { LayerIndexer } = await import('./layer-indexer.ts');
  const digester = new Digester(digestAlgorithm(diffId));
  const indexer = new LayerIndexer();
  let unreadable: unknown;
  for await (const bytes of piecesOf(archive)) {
    signal?.throwIfAborted();
    digester.update(bytes);
    // Whether the bytes are the right ones is the better news than why they can't be read.
    try {
      if (unreadable === undefined) indexer.push(bytes);
    } catch (error) {
      unreadable = error;
    }
  }
  const digest = digester.digest();
  if (digest !== diffId) throw damaged(diffId, `${archivePath} has the digest ${digest}`);
  if (unreadable !== undefined) throw unreadable;
  const made = indexer.finish(diffId);
  const isSameSize = fstatSync(index.fd).size === made.length;
  if (!isSameSize || Buffer.compare(await index.readFile(), made) !== 0) {
    throw damaged(diffId, `${indexPath} is not the index of ${archivePath}`);
  }
}

async function* piecesOf(file: FileHandle): AsyncGenerator<Uint8Array, void, undefined> {
  const piece = Buffer.allocUnsafe(pieceBytes);
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(piece, 0, piece.length, at);
    if (bytesRead === 0) return;
    yield piece.subarray(0, bytesRead);
    at += bytesRead;
  }
}

/** What a stamp would have to say of the files that are there now. */
function stampOf({ archivePath, indexPath, diffId }: LayerPlace): LayerStamp {
  const [archive, index] = [archivePath, indexPath].map((path) => {
    const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined) throw missing(path, diffId);
    return fileIdentity(stats);
  }) as [FileIdentity, FileIdentity];
  return { archive, index };
}

function checkedLayer({ diffId, archivePath, indexPath }: LayerPlace, stamp: LayerStamp): CheckedLayer {
  return {
    diffId,
    archive: { path: archivePath, identity: stamp.archive },
    index: { path: indexPath, identity: stamp.index },
  };
}

async function openFile(path: string, diffId: Digest): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(path, readFlags);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ELOOP') throw damaged(diffId, `${path} is a symbolic link`);
    if (code !== 'ENOENT') throw cause;
    throw missing(path, diffId);
  }
  if (fstatSync(file.fd).isFile()) return file;
  await file.close();
  throw damaged(diffId, `${path} is no file`);
}

function identityOf(file: FileHandle): FileIdentity {
  return fileIdentity(fstatSync(file.fd, { bigint: true }));
}

function missing(path: string, diffId: Digest): RuntimeError {
  return new RuntimeError('LAYER_MISSING', `the layer ${diffId} is not in the store: there is no ${path}`, {
    hint: 'pull the image again',
  });
}

function damaged(diffId: Digest, problem: string): RuntimeError {
  return new RuntimeError('LAYER_DAMAGED', `the layer ${diffId} was changed on this host: ${problem}`, {
    hint: 'find out who or what writes to the store; pulling the image again repairs it',
  });
}
