import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Reader } from '../database.ts';

/** Names from the first one on, below the second one; in byte order. */
export type NameRange = { readonly from: string; readonly below: string };

/** An image that nothing in its repository needs. */
export type IdleCopy = { readonly repository: RepositoryName; readonly digest: Digest };

/** Bytes of the blobs that the manifests of the repositories need, each counted once. */
export async function sumCopiedBytes(reader: Reader, { from, below }: NameRange): Promise<number> {
  const row = await reader.get<{ bytes: number | null }>(
    `SELECT CAST(SUM(size) AS BIGINT) AS bytes FROM blobs WHERE id IN (
      SELECT b.id FROM repositories r JOIN edges e ON e.repository_id = r.id AND e.kind = 'blob'
        JOIN blobs b ON b.digest = e.digest JOIN links l ON l.repository_id = r.id AND l.blob_id = b.id
      WHERE r.name >= $1 AND r.name < $2)`,
    from,
    below,
  );
  return Number(row?.bytes ?? 0);
}

/**
 * Images of the repositories that nobody has pulled since a time, those first that were pulled longest ago. What an
 * index lists and what is attached to an image goes after that one.
 */
export async function listIdleCopies(
  reader: Reader,
  { from, below }: NameRange,
  { pulledBefore, limit }: { readonly pulledBefore: number; readonly limit: number },
): Promise<readonly IdleCopy[]> {
  return reader.all<IdleCopy>(
    `SELECT r.name AS repository, m.digest FROM repositories r JOIN manifests m ON m.repository_id = r.id
      WHERE r.name >= $1 AND r.name < $2 AND COALESCE(m.pulled_at, m.created_at) < $3
        AND NOT EXISTS (
          SELECT 1 FROM edges e WHERE e.repository_id = r.id AND e.kind = 'manifest' AND e.digest = m.digest)
        AND NOT EXISTS (SELECT 1 FROM manifests s WHERE s.repository_id = r.id AND s.digest = m.subject)
      ORDER BY COALESCE(m.pulled_at, m.created_at), m.id LIMIT $4`,
    from,
    below,
    pulledBefore,
    limit,
  );
}
