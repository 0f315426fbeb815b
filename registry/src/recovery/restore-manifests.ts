import { collect } from '@img/spec/collect';
import type { Descriptor } from '@img/spec/descriptor';
import type { Digest } from '@img/spec/digest';
import type { Manifest } from '@img/spec/manifest';
import { isIndexMediaType, isManifestMediaType, isNondistributable } from '@img/spec/media-types';
import type { Database, Writer } from '../metadata/database.ts';
import { putRecord } from '../metadata/manifest-records.ts';
import { findManifestHead, type ManifestHead } from '../metadata/manifests.ts';
import { putManifest } from '../metadata/put-manifest.ts';
import { restoreBlob } from '../metadata/restored-blobs.ts';
import type { BlobKey } from '../storage/blob-key.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { forEachParallel } from '../transfer/parallel.ts';
import { decodeManifestRecord, type ManifestRecord, recordBytes } from './manifest-record.ts';

/** Records that are read together and put back in one transaction. */
const batchRecords = 200;
const readAtOnce = 8;

/** What came of the records of manifests. */
export type RestoredManifests = {
  /** What is needed, by its key: records, and blobs where they say. */
  readonly needed: ReadonlySet<BlobKey>;
  /** Blobs that are needed and not where a record says, with their sizes. */
  readonly wanted: ReadonlyMap<Digest, number>;
  /** Records that can't be read. */
  readonly damaged: number;
};

type Read = { readonly key: BlobKey; readonly decoded: ReturnType<typeof decodeManifestRecord> };

/** Puts the manifests back that storage has records of, with the blobs that are where the records say. */
export async function restoreManifests(
  database: Database,
  blobs: BlobStore,
  {
    stored,
    records,
    onRead,
    now,
    signal,
  }: {
    /** All blobs, with their sizes. */
    readonly stored: ReadonlyMap<BlobKey, number>;
    readonly records: readonly BlobKey[];
    /** Called when these records were put back. */
    readonly onRead: (records: readonly BlobKey[]) => void;
    readonly now: number;
    readonly signal: AbortSignal;
  },
): Promise<RestoredManifests> {
  const needed = new Set<BlobKey>();
  const wanted = new Map<Digest, number>();
  const placed = new Set<Digest>();
  let damaged = 0;
  for (let at = 0; at < records.length; at += batchRecords) {
    const keys = records.slice(at, at + batchRecords);
    const batch = await readRecords(blobs, keys, signal);
    await database.transaction(async (writer) => {
      for (const { key, decoded } of batch) {
        if (decoded !== undefined && (await restore(writer, { key, ...decoded }))) needed.add(key);
        for (const found of placesIn(decoded, stored)) await restoreBlob(writer, found, now);
      }
    });
    for (const { decoded } of batch) {
      if (decoded === undefined) damaged += 1;
      for (const { digest, key } of placesIn(decoded, stored)) {
        if (!placed.has(digest)) needed.add(key);
        placed.add(digest);
      }
      for (const { digest, size } of blobsOf(decoded?.manifest)) wanted.set(digest, size);
    }
    onRead(keys);
  }
  for (const digest of placed) wanted.delete(digest);
  return { needed, wanted, damaged };
}

async function readRecords(
  blobs: BlobStore,
  keys: readonly BlobKey[],
  signal: AbortSignal,
): Promise<readonly Read[]> {
  const found: Read[] = [];
  await forEachParallel(keys, readAtOnce, signal, async (key) => {
    const bytes = await collect(await blobs.get(key), recordBytes, 'record');
    found.push({ key, decoded: decodeManifestRecord(bytes) });
  });
  return found;
}

/** False if there was another record of the same manifest. */
async function restore(
  writer: Writer,
  { key, record, manifest }: { key: BlobKey; record: ManifestRecord; manifest: Manifest },
): Promise<boolean> {
  const { repository, digest, createdAt, bytes } = record;
  const isThere = (await findManifestHead(writer, repository, { digest })) !== undefined;
  if (isThere) return false;
  const move = { actor: '', now: createdAt };
  await putManifest(writer, { repository, digest, manifest, bytes, tags: [] }, move);
  const { id } = (await findManifestHead(writer, repository, { digest })) as ManifestHead;
  await putRecord(writer, { manifestId: id, key });
  return true;
}

/** The blobs that are where a record says, with the size that the manifest says. */
function placesIn(
  decoded: Read['decoded'],
  stored: ReadonlyMap<BlobKey, number>,
): readonly { readonly digest: Digest; readonly key: BlobKey; readonly sizeBytes: number }[] {
  return blobsOf(decoded?.manifest).flatMap(({ digest, size: sizeBytes }) => {
    const key = decoded?.record.blobs.get(digest);
    return key !== undefined && stored.get(key) === sizeBytes ? [{ digest, key, sizeBytes }] : [];
  });
}

/** What a manifest points at that must be stored here. */
function blobsOf(manifest: Manifest | undefined): readonly Descriptor[] {
  if (manifest === undefined) return [];
  const all = manifest.kind === 'index' ? manifest.manifests : [manifest.config, ...manifest.layers];
  return all.filter(({ mediaType }) => {
    const isManifest =
      manifest.kind === 'index' && (isManifestMediaType(mediaType) || isIndexMediaType(mediaType));
    return !isManifest && !isNondistributable(mediaType);
  });
}
