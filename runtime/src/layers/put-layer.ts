import { existsSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { decompress } from '@img/registry/compression/decompress';
import { CodedError } from '@img/spec/coded-error';
import type { Descriptor } from '@img/spec/descriptor';
import { type Digest, Digester, digestAlgorithm } from '@img/spec/digest';
import { layerCompression } from '@img/spec/media-types';
import { quote } from '@img/spec/quote';
import { verified } from '@img/spec/verified';
import { RuntimeError } from '../runtime-error.ts';
import { hasRightArchive, hasRightIndex, layerStamp } from './check-layer.ts';
import { inPieces } from './in-pieces.ts';
import { LayerIndexer } from './layer-indexer.ts';
import type { LayerPlace } from './layer-place.ts';
import { SteadyWriter } from './steady-writer.ts';
import { Temporary } from './temporary.ts';

const pieceBytes = 1024 * 1024;
/** Longest archive unless the caller says otherwise; its blocks must also be countable in 32 bits. */
const maxArchiveBytes = 64 * 1024 ** 3;
const maxReadOnBytes = 256 * 1024 ** 2;

/** A layer as a registry has it, and as the image's config names it. */
export type LayerContent = {
  /** Media type, digest and size of the blob. */
  readonly descriptor: Descriptor;
  /** Digest of the uncompressed archive. */
  readonly diffId: Digest;
};

export type PutLayerOptions = {
  readonly signal?: AbortSignal;
  /** Longest accepted archive. */
  readonly maxBytes?: number;
};

/** The work behind `LayerStore.put`, which documents it. */
export async function putLayer(
  place: LayerPlace,
  content: LayerContent,
  source: AsyncIterable<Uint8Array>,
  options: PutLayerOptions,
): Promise<void> {
  try {
    await using archive = await Temporary.file(place.folder);
    const made = await writeArchive(archive.handle, content, source, options);
    await using index = await Temporary.file(place.folder);
    await index.handle.writeFile(made);
    const isOwnArchive = await commitArchive(place, archive, options);
    const isOwnIndex = await commitIndex(place, index, made);
    // What was just hashed need not be hashed again before it is used.
    if (isOwnArchive && isOwnIndex) {
      place.stamps.set(place.stampName, layerStamp(archive.handle, index.handle));
    }
    // Of a killed process, and swept before the index came.
    if (!isOwnArchive && !existsSync(place.archivePath)) await archive.commit(place.archiveName);
  } catch (error) {
    throw nameLayer(explainFull(error, place.folder), content);
  }
}

/**
 * Another process may have been faster, and a third one may be using what it made: only an archive that somebody has
 * changed is replaced.
 *
 * @returns whether it is this one that has the name now
 */
async function commitArchive(
  place: LayerPlace,
  archive: Temporary,
  options: PutLayerOptions,
): Promise<boolean> {
  if (await archive.commitNew(place.archiveName)) return true;
  if (await hasRightArchive(place, options)) return false;
  await archive.commit(place.archiveName);
  return true;
}

/** Like `commitArchive`; the index makes the layer count, so it comes last. */
async function commitIndex(place: LayerPlace, index: Temporary, made: Uint8Array): Promise<boolean> {
  if (await index.commitNew(place.indexName)) return true;
  if (hasRightIndex(place, made)) return false;
  await index.commit(place.indexName);
  return true;
}

/** Writes the archive while hashing and indexing it, and returns the index once all of it is right. */
async function writeArchive(
  handle: FileHandle,
  { descriptor, diffId }: LayerContent,
  source: AsyncIterable<Uint8Array>,
  { signal, maxBytes = maxArchiveBytes }: PutLayerOptions,
): Promise<Uint8Array> {
  const compression = layerCompression(descriptor.mediaType);
  if (compression === undefined) {
    throw new RuntimeError(
      'ARCHIVE_UNSUPPORTED',
      `its media type ${quote(descriptor.mediaType)} is none of a layer of files`,
    );
  }
  // The blob of a layer that is not compressed is hashed as such already.
  const isHashed = compression === 'none' && descriptor.digest === diffId;
  const digester = isHashed ? undefined : new Digester(digestAlgorithm(diffId));
  const indexer = new LayerIndexer();
  const writer = new SteadyWriter(handle);
  await using blob = verified(source, descriptor);
  try {
    for await (const piece of inPieces(decompress(unended(blob), { compression, maxBytes }), pieceBytes)) {
      signal?.throwIfAborted();
      // The disk writes while this thread hashes.
      const written = writer.write(piece);
      try {
        digester?.update(piece);
        indexer.push(piece);
      } finally {
        await written;
      }
    }
  } catch (error) {
    // Whether these are the right bytes is the better news than why they can't be read.
    if (isUnreadable(error)) await readOn(blob, signal);
    throw error;
  }
  await writer.finish();
  signal?.throwIfAborted();
  const digest = digester === undefined ? diffId : digester.digest();
  if (digest !== diffId) {
    throw new RuntimeError(
      'LAYER_MISMATCH',
      `the layer ${descriptor.digest} decompresses to ${digest} instead of ${diffId}, as the image's config has it`,
      { hint: 'the image was put together wrongly or tampered with; build and push it again' },
    );
  }
  return indexer.finish(diffId);
}

/** The same stream, which somebody who stops reading does not end. */
function unended(source: AsyncIterator<Uint8Array>): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => ({ next: () => source.next() }) };
}

/** Reads what is left of a blob, so that its check speaks; not more than anybody would wait for. */
async function readOn(blob: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): Promise<void> {
  let bytes = 0;
  for await (const chunk of blob) {
    signal?.throwIfAborted();
    bytes += chunk.byteLength;
    if (bytes > maxReadOnBytes) return;
  }
}

function isUnreadable(error: unknown): boolean {
  return error instanceof CodedError && /^(?:ARCHIVE|ENTRY)_|^COMPRESSED_INVALID$/.test(error.code);
}

function explainFull(error: unknown, folder: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new RuntimeError('STORE_FULL', `no space is left for a layer in ${folder}`, {
    cause: error,
    hint: 'remove images that are not needed (img rm, img gc), or make the disk larger',
  });
}

/** Says which layer it is whose archive was refused. */
function nameLayer(error: unknown, { descriptor }: LayerContent): unknown {
  if (!(error instanceof RuntimeError) || !isUnreadable(error)) return error;
  return new RuntimeError(error.code, `layer ${descriptor.digest}: ${error.message}`, {
    cause: error,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}
