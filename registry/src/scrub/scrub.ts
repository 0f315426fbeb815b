import { collect } from '@img/spec/collect';
import { type Digest, Digester, digestAlgorithm } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import { SpecError } from '@img/spec/spec-error';
import { type Blob, dropBlob, findStoredBlob, listBlobs } from '../metadata/blobs.ts';
import type { Database } from '../metadata/database.ts';
import { listRepositoriesWithBlob } from '../metadata/links.ts';
import {
  isStoredRecord,
  listStoredRecords,
  renewRecord,
  type StoredRecord,
} from '../metadata/manifest-records.ts';
import { isUnreadable } from '../recovery/is-unreadable.ts';
import { decodeManifestRecord, recordBytes } from '../recovery/manifest-record.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { BlobStoreError } from '../storage/blob-store-error.ts';

/** How far a scrub is: the number of the row that was read last, blobs before the notes of manifests. */
export type ScrubPosition = { readonly kind: 'blob' | 'note'; readonly id: number };

export type ScrubOptions = {
  /**
   * Whether to forget what is lost or damaged, asked for each. Whoever pushes such a blob next is then told that it is
   * missing, and brings it again; until then nobody gets wrong bytes. Notes are written again by a registry that runs.
   */
  readonly forgets: () => boolean;
  /** Where to go on; at the beginning by default. */
  readonly after?: ScrubPosition | undefined;
  /** Waited for after each piece that was read, so that reading leaves time for others. */
  readonly pace?: (bytes: number) => Promise<void>;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly signal: AbortSignal;
};

/** A blob, or the note of a manifest, that was read whole. */
export type Scrubbed = {
  readonly position: ScrubPosition;
  /** Of the blob or the manifest. */
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** `lost` where there are no bytes, `damaged` where there are others or the disk can't read them. */
  readonly state: 'sound' | 'lost' | 'damaged';
  /** Whether it is forgotten now. */
  readonly isForgotten: boolean;
  /** Which repositories have it; the first hundred, and only of what is not sound. */
  readonly repositories: readonly RepositoryName[];
};

const rowsTogether = 100;
const mostRepositories = 100;

/** Bytes that are forgotten stay so long: perhaps it was the storage that was not itself. */
const keptMs = 7 * 24 * 60 * 60 * 1000;

/** Reads everything that a registry stores, also while it runs, and says of each whether it is what it was. */
export async function* scrub(
  database: Database,
  blobs: BlobStore,
  options: ScrubOptions,
): AsyncGenerator<Scrubbed, void, undefined> {
  const { after } = options;
  if (after?.kind !== 'note') yield* scrubBlobs(database, blobs, options, after?.id ?? 0);
  yield* scrubNotes(database, blobs, options, after?.kind === 'note' ? after.id : 0);
}

async function* scrubBlobs(
  database: Database,
  blobs: BlobStore,
  options: ScrubOptions,
  first: number,
): AsyncGenerator<Scrubbed, void, undefined> {
  const list = (page: Page) => listBlobs(database, page);
  for await (const blob of rowsAfter(first, list, ({ id }) => id)) {
    const { digest, size: sizeBytes } = blob;
    const state = await stateOf(blobs, blob, options);
    // What was collected or replaced since the row was read was not lost.
    if (state !== 'sound' && (await findStoredBlob(database, digest))?.key !== blob.key) continue;
    const isForgotten = state !== 'sound' && options.forgets();
    const repositories =
      state === 'sound' ? [] : await listRepositoriesWithBlob(database, digest, mostRepositories);
    if (isForgotten) {
      await database.transaction((writer) => dropBlob(writer, blob, options.clock() + keptMs));
    }
    const position = { kind: 'blob', id: blob.id } as const;
    yield { position, digest, sizeBytes, state, isForgotten, repositories };
  }
}

async function* scrubNotes(
  database: Database,
  blobs: BlobStore,
  options: ScrubOptions,
  first: number,
): AsyncGenerator<Scrubbed, void, undefined> {
  const list = (page: Page) => listStoredRecords(database, page);
  for await (const row of rowsAfter(first, list, ({ manifest_id: id }) => id)) {
    const { manifest_id: manifestId, key, digest, size: sizeBytes, repository } = row;
    const state = await stateOfNote(blobs, row, options);
    if (state !== 'sound' && !(await isStoredRecord(database, { manifestId, key }))) continue;
    const isForgotten = state !== 'sound' && options.forgets();
    if (isForgotten) await database.transaction((writer) => renewRecord(writer, { manifestId, key }));
    const position = { kind: 'note', id: manifestId } as const;
    const repositories = state === 'sound' ? [] : [repository];
    yield { position, digest, sizeBytes, state, isForgotten, repositories };
  }
}

type Page = { readonly after: number; readonly limit: number };

/** All rows in the order of their ids, read some at a time: those that come meanwhile belong to them. */
async function* rowsAfter<Row>(
  first: number,
  list: (page: Page) => Promise<readonly Row[]>,
  idOf: (row: Row) => number,
): AsyncGenerator<Row, void, undefined> {
  for (let after = first; ; ) {
    const rows = await list({ after, limit: rowsTogether });
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < rowsTogether) return;
    after = idOf(last);
  }
}

async function stateOf(
  blobs: BlobStore,
  { key, digest, size }: Blob,
  { signal, pace }: ScrubOptions,
): Promise<Scrubbed['state']> {
  signal.throwIfAborted();
  const digester = new Digester(digestAlgorithm(digest));
  let read = 0;
  try {
    for await (const chunk of (await blobs.get(key)) as AsyncIterable<Uint8Array>) {
      signal.throwIfAborted();
      digester.update(chunk);
      read += chunk.byteLength;
      if (read > size) return 'damaged';
      await pace?.(chunk.byteLength);
    }
  } catch (error) {
    if (isMissing(error)) return 'lost';
    if (isUnreadable(error)) return 'damaged';
    throw error;
  }
  return read === size && digester.digest() === digest ? 'sound' : 'damaged';
}

async function stateOfNote(
  blobs: BlobStore,
  { key, digest, repository }: StoredRecord,
  { signal, pace }: ScrubOptions,
): Promise<Scrubbed['state']> {
  signal.throwIfAborted();
  try {
    const bytes = await collect(await blobs.get(key), recordBytes, 'note');
    await pace?.(bytes.byteLength);
    const { record } = decodeManifestRecord(bytes) ?? {};
    return record?.digest === digest && record.repository === repository ? 'sound' : 'damaged';
  } catch (error) {
    if (isMissing(error)) return 'lost';
    if (isUnreadable(error)) return 'damaged';
    if (error instanceof SpecError && error.code === 'CONTENT_SIZE') return 'damaged';
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof BlobStoreError && error.code === 'BLOB_MISSING';
}
