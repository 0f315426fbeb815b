import { type Digest, Digester, digestAlgorithm } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import { type Blob, dropBlob, findStoredBlob, listBlobs } from '../metadata/blobs.ts';
import type { Database } from '../metadata/database.ts';
import { listRepositoriesWithBlob } from '../metadata/links.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { BlobStoreError } from '../storage/blob-store-error.ts';

export type ScrubOptions = {
  /**
   * Whether to forget what is lost or damaged. Whoever pushes it next is then told that it is missing, and brings it
   * again; until then nobody gets wrong bytes.
   */
  readonly isRepair: boolean;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly signal: AbortSignal;
};

/** One blob that was read whole. */
export type ScrubbedBlob = {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** `lost` where there are no bytes, `damaged` where there are others. */
  readonly state: 'sound' | 'lost' | 'damaged';
  /** Which repositories have it; the first hundred, and only of what is not sound. */
  readonly repositories: readonly RepositoryName[];
};

const rowsTogether = 100;
const mostRepositories = 100;

/** Reads everything that a registry stores, also while it runs, and says of each blob whether it is what it was. */
export async function* scrub(
  database: Database,
  blobs: BlobStore,
  { isRepair, clock, signal }: ScrubOptions,
): AsyncGenerator<ScrubbedBlob, void, undefined> {
  for (let after = 0; ; ) {
    const rows = await listBlobs(database, { after, limit: rowsTogether });
    for (const blob of rows) {
      signal.throwIfAborted();
      const state = await stateOf(blobs, blob, signal);
      // What was collected or replaced since the row was read was not lost.
      const isOther = state !== 'sound' && (await findStoredBlob(database, blob.digest))?.key !== blob.key;
      if (isOther) continue;
      const { digest, size: sizeBytes } = blob;
      const repositories =
        state === 'sound' ? [] : await listRepositoriesWithBlob(database, digest, mostRepositories);
      if (state !== 'sound' && isRepair) {
        await database.transaction((writer) => dropBlob(writer, blob, clock()));
      }
      yield { digest, sizeBytes, state, repositories };
    }
    if (rows.length < rowsTogether) return;
    after = rows.at(-1)?.id ?? after;
  }
}

async function stateOf(
  blobs: BlobStore,
  { key, digest, size }: Blob,
  signal: AbortSignal,
): Promise<ScrubbedBlob['state']> {
  const digester = new Digester(digestAlgorithm(digest));
  let read = 0;
  try {
    for await (const chunk of (await blobs.get(key)) as AsyncIterable<Uint8Array>) {
      signal.throwIfAborted();
      digester.update(chunk);
      read += chunk.byteLength;
      if (read > size) return 'damaged';
    }
  } catch (error) {
    if (error instanceof BlobStoreError && error.code === 'BLOB_MISSING') return 'lost';
    throw error;
  }
  return read === size && digester.digest() === digest ? 'sound' : 'damaged';
}
