import type { Digest } from '@img/spec/digest';
import type { Reader } from './database.ts';

/** A manifest that nothing leads to. */
export type UntaggedManifest = { readonly id: number; readonly digest: Digest };

/**
 * Manifests of a repository that have had no tag, no index that lists them and no subject since a time, in the order
 * of their numbers.
 */
export async function listUntagged(
  reader: Reader,
  repositoryId: number,
  {
    leftBefore,
    after,
    limit,
  }: { readonly leftBefore: number; readonly after: number; readonly limit: number },
): Promise<readonly UntaggedManifest[]> {
  return reader.all<UntaggedManifest>(
    `SELECT m.id, m.digest FROM manifests m
      WHERE m.repository_id = $1 AND m.id > $2 AND COALESCE(m.left_at, m.created_at) <= $3
        AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = m.id)
        AND NOT EXISTS (
          SELECT 1 FROM edges e WHERE e.repository_id = $1 AND e.kind = 'manifest' AND e.digest = m.digest)
        AND NOT EXISTS (SELECT 1 FROM manifests s WHERE s.repository_id = $1 AND s.digest = m.subject)
      ORDER BY m.id LIMIT $4`,
    repositoryId,
    after,
    leftBefore,
    limit,
  );
}

/** Whether the repository has a manifest whose digest begins so. */
export async function hasManifestLike(
  reader: Reader,
  repositoryId: number,
  beginning: string,
): Promise<boolean> {
  const row = await reader.get(
    'SELECT 1 AS found FROM manifests WHERE repository_id = $1 AND digest >= $2 AND digest < $3 LIMIT 1',
    repositoryId,
    beginning,
    // Hexadecimal digits end with "f".
    `${beginning}g`,
  );
  return row !== undefined;
}
