import { collect } from '@img/spec/collect';
import type { Digest } from '@img/spec/digest';
import type { Manifest } from '@img/spec/manifest';
import type { RepositoryName } from '@img/spec/repository-name';
import { SpecError } from '@img/spec/spec-error';
import type { Database, Writer } from '../metadata/database.ts';
import { putRecord } from '../metadata/manifest-records.ts';
import { findManifestHead, type ManifestHead } from '../metadata/manifests.ts';
import { putManifest } from '../metadata/put-manifest.ts';
import { restoreBlob, restoreLink } from '../metadata/restored-blobs.ts';
import type { BlobKey } from '../storage/blob-key.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { forEachParallel } from '../transfer/parallel.ts';
import { isUnreadable } from './is-unreadable.ts';
import { decodeManifestRecord, type ManifestRecord, recordBytes } from './manifest-record.ts';

/** Records that are read together and put back in one transaction. */
const batchRecords = 200;
const readAtOnce = 8;

/** A blob that is somewhere else, or nowhere, and who had it. */
export type MovedBlob = { readonly sizeBytes: number; readonly repositories: Set<RepositoryName> };

/** What came of the records of manifests. */
export type RestoredManifests = {
  /** What is needed, by its key: records, and blobs where they say. */
  readonly needed: ReadonlySet<BlobKey>;
  /** Blobs that repositories had and that are not where a record says. */
  readonly wanted: ReadonlyMap<Digest, MovedBlob>;
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
    onUnreadable,
    now,
    signal,
  }: {
    /** All blobs, with their sizes. */
    readonly stored: ReadonlyMap<BlobKey, number>;
    readonly records: readonly BlobKey[];
    /** Called when these records were put back. */
    readonly onRead: (records: readonly BlobKey[]) => void;
    /** Called for a record that the disk can't read. */
    readonly onUnreadable: (record: BlobKey) => void;
    readonly now: number;
    readonly signal: AbortSignal;
  },
): Promise<RestoredManifests> {
  const needed = new Set<BlobKey>();
  const wanted = new Map<Digest, MovedBlob>();
  const placed = new Set<Digest>();
  let damaged = 0;
  for (let at = 0; at < records.length; at += batchRecords) {
    const keys = records.slice(at, at + batchRecords);
    const batch = await readRecords(blobs, keys, { onUnreadable, signal });
    await database.transaction(async (writer) => {
      for (const { key, decoded } of batch) {
        if (decoded !== undefined && (await restore(writer, { key, ...decoded }))) needed.add(key);
        for (const found of placesIn(decoded, stored)) {
          await restoreBlob(writer, found, now);
          await restoreLink(writer, found, now);
        }
      }
    });
    for (const { decoded } of batch) {
      if (decoded === undefined) damaged += 1;
      for (const { digest, key } of placesIn(decoded, stored)) {
        if (!placed.has(digest)) needed.add(key);
        placed.add(digest);
      }
      for (const { digest, key, sizeBytes, repository } of blobsOf(decoded)) {
        if (stored.get(key) === sizeBytes) continue;
        const moved = wanted.get(digest) ?? { sizeBytes, repositories: new Set() };
        wanted.set(digest, moved);
        moved.repositories.add(repository);
      }
    }
    onRead(keys);
  }
  return { needed, wanted, damaged };
}

async function readRecords(
  blobs: BlobStore,
  keys: readonly BlobKey[],
  { onUnreadable, signal }: { onUnreadable: (record: BlobKey) => void; signal: AbortSignal },
): Promise<readonly Read[]> {
  const found: Read[] = [];
  await forEachParallel(keys, readAtOnce, signal, async (key) => {
    found.push({ key, decoded: await readRecord(blobs, key, onUnreadable) });
  });
  return found;
}

/** Undefined for what is no record, is longer than any or can't be read, so that one object does not end the rebuild. */
async function readRecord(
  blobs: BlobStore,
  key: BlobKey,
  onUnreadable: (record: BlobKey) => void,
): Promise<Read['decoded']> {
  try {
    return decodeManifestRecord(await collect(await blobs.get(key), recordBytes, 'record'));
  } catch (error) {
    if (error instanceof SpecError && error.code === 'CONTENT_SIZE') return undefined;
    if (!isUnreadable(error)) throw error;
    onUnreadable(key);
    return undefined;
  }
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

type NotedBlob = {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly key: BlobKey;
  readonly sizeBytes: number;
};

/** The blobs that are where a record says, with the size that the manifest says. */
function placesIn(decoded: Read['decoded'], stored: ReadonlyMap<BlobKey, number>): readonly NotedBlob[] {
  return blobsOf(decoded).filter(({ key, sizeBytes }) => stored.get(key) === sizeBytes);
}

/** The blobs of a manifest that its repository had. */
function blobsOf(decoded: Read['decoded']): readonly NotedBlob[] {
  if (decoded === undefined) return [];
  const { manifest, record } = decoded;
  const all = manifest.kind === 'index' ? manifest.manifests : [manifest.config, ...manifest.layers];
  return all.flatMap(({ digest, size: sizeBytes }) => {
    const key = record.blobs.get(digest);
    return key === undefined ? [] : [{ repository: record.repository, digest, key, sizeBytes }];
  });
}
