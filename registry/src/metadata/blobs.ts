import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import type { BlobKey } from '../storage/blob-key.ts';
import type { Reader, Writer } from './database.ts';
import { buryBlob } from './tombstones.ts';

/** Bytes that are stored once for all repositories. */
export type Blob = {
  readonly id: number;
  readonly digest: Digest;
  readonly size: number;
  readonly key: BlobKey;
};

/** A blob as one repository has it. */
export type LinkedBlob = Blob & {
  /** When to ask whether a manifest needs it; null if one did when asked last. */
  readonly review_at: number | null;
};

/** The blob with the digest, whichever repository has it. */
export async function findStoredBlob(reader: Reader, digest: Digest): Promise<Blob | undefined> {
  return reader.get<Blob>('SELECT id, digest, size, key FROM blobs WHERE digest = $1', digest);
}

/** The blob with the digest, if the repository has it. */
export async function findBlob(
  reader: Reader,
  repository: RepositoryName,
  digest: Digest,
): Promise<LinkedBlob | undefined> {
  return reader.get<LinkedBlob>(
    `SELECT b.id, b.digest, b.size, b.key, l.review_at
      FROM repositories r JOIN links l ON l.repository_id = r.id JOIN blobs b ON b.id = l.blob_id
      WHERE r.name = $1 AND b.digest = $2`,
    repository,
    digest,
  );
}

export async function insertBlob(writer: Writer, blob: Omit<Blob, 'id'>, now: number): Promise<number> {
  const row = await writer.get<{ id: number }>(
    'INSERT INTO blobs (digest, size, key, created_at) VALUES ($1, $2, $3, $4) RETURNING id',
    blob.digest,
    blob.size,
    blob.key,
    now,
  );
  return (row as { id: number }).id;
}

/** Points a blob at another copy of its bytes and buries the first one. */
export async function replaceBlobKey(writer: Writer, blob: Blob, key: BlobKey, now: number): Promise<void> {
  await writer.run('UPDATE blobs SET key = $1 WHERE id = $2', key, blob.id);
  await buryBlob(writer, blob, now);
}

/** Forgets a blob that no repository has any more and buries its bytes; leaves it alone if one has it. */
export async function dropUnlinkedBlob(writer: Writer, blob: Blob, now: number): Promise<boolean> {
  const dropped = await writer.run(
    'DELETE FROM blobs WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM links WHERE blob_id = $1)',
    blob.id,
  );
  if (dropped > 0) await buryBlob(writer, blob, now);
  return dropped > 0;
}

/** Blobs whose number is above `after`, in the order of their numbers. */
export async function listBlobs(
  reader: Reader,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<readonly Blob[]> {
  return reader.all<Blob>(
    'SELECT id, digest, size, key FROM blobs WHERE id > $1 ORDER BY id LIMIT $2',
    after,
    limit,
  );
}

/**
 * Takes a blob from all repositories and buries its bytes; false if there is none with these bytes any more.
 *
 * @param from when the bytes may be removed
 */
export async function dropBlob(writer: Writer, { id, key, size }: Blob, from: number): Promise<boolean> {
  const found = await writer.get('SELECT 1 AS found FROM blobs WHERE id = $1 AND key = $2', id, key);
  if (found === undefined) return false;
  await writer.run('DELETE FROM links WHERE blob_id = $1', id);
  await writer.run('DELETE FROM blobs WHERE id = $1', id);
  await buryBlob(writer, { key, size }, from);
  return true;
}
