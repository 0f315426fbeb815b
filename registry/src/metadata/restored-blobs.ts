import type { Digest } from '@img/spec/digest';
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

/** Gives every repository the blobs that its manifests point at, as far as they are known. */
export async function linkNeededBlobs(writer: Writer, now: number): Promise<void> {
  const { integer } = writer.dialect;
  await writer.run(
    `INSERT INTO links (repository_id, blob_id, created_at)
      SELECT DISTINCT e.repository_id, b.id, CAST($1 AS ${integer}) FROM edges e JOIN blobs b ON b.digest = e.digest
        WHERE e.kind = 'blob' ON CONFLICT DO NOTHING`,
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
