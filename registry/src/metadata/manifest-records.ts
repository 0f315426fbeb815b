import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import type { BlobKey } from '../storage/blob-key.ts';
import { createBlobKey } from '../storage/blob-key.ts';
import { emptyUpload } from '../storage/blob-store.ts';
import type { Reader, Writer } from './database.ts';
import { bury, buryBlob } from './tombstones.ts';

/** The right to write the note of a manifest to storage under a key, for a time. */
export type RecordClaim = { readonly manifestId: number; readonly key: BlobKey };

/** A claim with the end of its time. */
export type TimedClaim = RecordClaim & { readonly until: number };

/** Asks for the note of a new manifest, in the transaction that stores the manifest. */
export async function requestRecord(writer: Writer, manifestId: number): Promise<void> {
  await writer.run('INSERT INTO manifest_records (manifest_id, due_at) VALUES ($1, 0)', manifestId);
}

/**
 * Takes notes that are to be written, each under a key that was never used: whoever took one before and ran out of
 * time may still be writing.
 */
export async function claimRecords(
  writer: Writer,
  { now, until, limit }: { readonly now: number; readonly until: number; readonly limit: number },
): Promise<readonly TimedClaim[]> {
  const due = await writer.all<{ manifest_id: number; key: BlobKey | null }>(
    `SELECT manifest_id, key FROM manifest_records r
      WHERE due_at <= $1 ORDER BY due_at, manifest_id LIMIT $2 ${writer.dialect.skipLocked('r')}`,
    now,
    limit,
  );
  const claims: TimedClaim[] = [];
  for (const { manifest_id: manifestId, key: before } of due) {
    if (before !== null) await bury(writer, { key: before, state: emptyUpload }, until);
    const key = createBlobKey('manifest');
    await writer.run(
      'UPDATE manifest_records SET key = $1, due_at = $2 WHERE manifest_id = $3',
      key,
      until,
      manifestId,
    );
    claims.push({ manifestId, key, until });
  }
  return claims;
}

/** Gives back notes that nobody has begun to write: they are due at once. */
export async function releaseRecords(writer: Writer, claims: readonly TimedClaim[]): Promise<void> {
  for (const { manifestId, key, until } of claims) {
    await writer.run(
      'UPDATE manifest_records SET key = NULL, due_at = 0 WHERE manifest_id = $1 AND key = $2 AND due_at = $3',
      manifestId,
      key,
      until,
    );
  }
}

/** Notes that a note is written; buries it if the claim was lost, the manifest deleted, or the note asked for anew. */
export async function finishRecord(
  writer: Writer,
  { manifestId, key, until }: TimedClaim,
  now: number,
): Promise<void> {
  const finished = await writer.run(
    'UPDATE manifest_records SET due_at = NULL WHERE manifest_id = $1 AND key = $2 AND due_at = $3',
    manifestId,
    key,
    until,
  );
  if (finished === 0) await bury(writer, { key, state: emptyUpload }, now);
}

/** Forgets the note of a manifest that is about to go, and buries it when nobody can be writing it any more. */
export async function dropRecord(writer: Writer, manifestId: number, now: number): Promise<void> {
  const row = await writer.get<{ key: BlobKey | null; due_at: number | null }>(
    'DELETE FROM manifest_records WHERE manifest_id = $1 RETURNING key, due_at',
    manifestId,
  );
  if (row === undefined || row.key === null) return;
  await buryBlob(writer, { key: row.key, size: 0 }, Math.max(now, row.due_at ?? now));
}

/** Asks for a note anew, if it is still the one with the key. */
export async function renewRecord(writer: Writer, { manifestId, key }: RecordClaim): Promise<boolean> {
  const changed = await writer.run(
    'UPDATE manifest_records SET due_at = 0 WHERE manifest_id = $1 AND key = $2 AND due_at IS NULL',
    manifestId,
    key,
  );
  return changed > 0;
}

/** Asks anew for the notes of manifests that came before this blob of theirs: they say where it is. */
export async function renewRecordsWith(
  writer: Writer,
  { repositoryId, blobId }: { readonly repositoryId: number; readonly blobId: number },
): Promise<void> {
  await writer.run(
    `UPDATE manifest_records SET due_at = 0
      WHERE manifest_id IN (
          SELECT e.manifest_id FROM edges e
            WHERE e.repository_id = $1 AND e.kind = 'blob' AND e.digest = (SELECT digest FROM blobs WHERE id = $2))
        AND NOT EXISTS (SELECT 1 FROM links WHERE repository_id = $1 AND blob_id = $2)`,
    repositoryId,
    blobId,
  );
}

/** Notes the key of a note that storage has already. */
export async function putRecord(writer: Writer, { manifestId, key }: RecordClaim): Promise<void> {
  await writer.run(
    'UPDATE manifest_records SET key = $1, due_at = NULL WHERE manifest_id = $2',
    key,
    manifestId,
  );
}

/** A manifest with what its note says of it. */
export type RecordedManifest = {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly media_type: string;
  readonly created_at: number;
  readonly bytes: Uint8Array;
};

/** What the note of a manifest says; undefined if it is gone. */
export async function findRecorded(
  reader: Reader,
  manifestId: number,
): Promise<RecordedManifest | undefined> {
  return reader.get<RecordedManifest>(
    `SELECT r.name AS repository, m.digest, m.media_type, m.created_at, m.bytes
      FROM manifests m JOIN repositories r ON r.id = m.repository_id WHERE m.id = $1`,
    manifestId,
  );
}

/** Where the blobs are stored that a manifest points at and its repository has. */
export async function listBlobKeys(
  reader: Reader,
  manifestId: number,
): Promise<readonly { readonly digest: Digest; readonly key: BlobKey }[]> {
  return reader.all<{ digest: Digest; key: BlobKey }>(
    `SELECT b.digest, b.key FROM edges e JOIN blobs b ON b.digest = e.digest
      JOIN links l ON l.repository_id = e.repository_id AND l.blob_id = b.id
      WHERE e.manifest_id = $1 AND e.kind = 'blob' ORDER BY b.digest`,
    manifestId,
  );
}

/** Whether a note is the one that counts. */
export async function isStoredRecord(reader: Reader, { manifestId, key }: RecordClaim): Promise<boolean> {
  const row = await reader.get(
    'SELECT 1 AS found FROM manifest_records WHERE manifest_id = $1 AND key = $2 AND due_at IS NULL',
    manifestId,
    key,
  );
  return row !== undefined;
}

/** A note that is written. */
export type StoredRecord = {
  readonly manifest_id: number;
  readonly key: BlobKey;
  readonly digest: Digest;
  readonly size: number;
  readonly repository: RepositoryName;
};

/** Notes that are written, of manifests whose number is above `after`, in the order of their numbers. */
export async function listStoredRecords(
  reader: Reader,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<readonly StoredRecord[]> {
  return reader.all<StoredRecord>(
    `SELECT n.manifest_id, n.key, m.digest, m.size, r.name AS repository
      FROM manifest_records n JOIN manifests m ON m.id = n.manifest_id
      JOIN repositories r ON r.id = m.repository_id
      WHERE n.manifest_id > $1 AND n.due_at IS NULL ORDER BY n.manifest_id LIMIT $2`,
    after,
    limit,
  );
}
