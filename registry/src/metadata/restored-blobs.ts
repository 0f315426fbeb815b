import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import type { BlobKey } from '../storage/blob-key.ts';
import type { Reader, Writer } from './database.ts';

/** Notes where blobs are stored; what is known of a digest already stays. */
export async function restoreBlob(
  writer: Writer,
  { digest, key, sizeBytes }: { readonly digest: Digest; readonly key: BlobKey; readonly sizeBytes: number },
  now: number,
): Promise<void> {
  await writer.run(
    'INSERT INTO blobs (digest, size, key, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
    digest,
    sizeBytes,
    key,
    now,
  );
}

/** Gives a repository a blob that it had, if it is known. */
export async function restoreLink(
  writer: Writer,
  { repository, digest }: { readonly repository: RepositoryName; readonly digest: Digest },
  now: number,
): Promise<void> {
  await writer.run(
    `INSERT INTO links (repository_id, blob_id, created_at)
      SELECT r.id, b.id, CAST($3 AS ${writer.dialect.integer}) FROM repositories r, blobs b
        WHERE r.name = $1 AND b.digest = $2 ON CONFLICT DO NOTHING`,
    repository,
    digest,
    now,
  );
}

/** Counts the time without a tag of all manifests from now on: nobody knows since when they have had none. */
export async function noteAllLeft(writer: Writer, now: number): Promise<void> {
  await writer.run('UPDATE manifests SET left_at = $1', now);
}

/** How many rows a table has. */
export async function countRows(
  reader: Reader,
  table: 'repositories' | 'manifests' | 'tags' | 'users' | 'blobs',
): Promise<number> {
  const row = await reader.get<{ n: number }>(`SELECT count(*) AS n FROM ${table}`);
  return row?.n ?? 0;
}
