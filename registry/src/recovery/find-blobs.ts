import { type Digest, type DigestAlgorithm, Digester, digestAlgorithm } from '@img/spec/digest';
import type { BlobKey } from '../storage/blob-key.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { isUnreadable } from './is-unreadable.ts';

/** A blob that manifests need, and whose place nobody noted. */
export type WantedBlob = { readonly digest: Digest; readonly sizeBytes: number };

export type FindBlobsOptions = {
  /** What is stored and not known to be something else, with its size. */
  readonly stored: ReadonlyMap<BlobKey, number>;
  /** Called when an object was read. */
  readonly onRead?: (sizeBytes: number) => void;
  /** Called for an object that the disk can't read. */
  readonly onUnreadable: (key: BlobKey) => void;
  readonly signal: AbortSignal;
};

/**
 * Looks for blobs among objects by reading those that have the right size; others can't be what is wanted.
 *
 * @returns where each was found
 */
export async function findBlobs(
  blobs: BlobStore,
  wanted: readonly WantedBlob[],
  { stored, onRead, onUnreadable, signal }: FindBlobsOptions,
): Promise<ReadonlyMap<Digest, BlobKey>> {
  const bySize = Map.groupBy(wanted, ({ sizeBytes }) => sizeBytes);
  const found = new Map<Digest, BlobKey>();
  for (const [key, sizeBytes] of stored) {
    const missing = (bySize.get(sizeBytes) ?? []).filter(({ digest }) => !found.has(digest));
    if (missing.length === 0) continue;
    signal.throwIfAborted();
    const algorithms = new Set(missing.map(({ digest }) => digestAlgorithm(digest)));
    const digests = await digestsOf(blobs, key, algorithms).catch((error: unknown) => {
      if (!isUnreadable(error)) throw error;
      onUnreadable(key);
      return new Set<Digest>();
    });
    const match = missing.find(({ digest }) => digests.has(digest));
    if (match !== undefined) found.set(match.digest, key);
    onRead?.(sizeBytes);
  }
  return found;
}

async function digestsOf(
  blobs: BlobStore,
  key: BlobKey,
  algorithms: ReadonlySet<DigestAlgorithm>,
): Promise<ReadonlySet<Digest>> {
  const digesters = [...algorithms].map((algorithm) => new Digester(algorithm));
  for await (const chunk of (await blobs.get(key)) as AsyncIterable<Uint8Array>) {
    for (const digester of digesters) digester.update(chunk);
  }
  return new Set(digesters.map((digester) => digester.digest()));
}
