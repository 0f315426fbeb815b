import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Blob } from './blobs.ts';
import type { Reader, Writer } from './database.ts';
import { renewRecordsWith } from './manifest-records.ts';

/**
 * Gives a blob to a repository. It is safe there until `reviewAt` also without a manifest that needs it: whoever
 * pushed it gets that time to push the manifest.
 */
export async function linkBlob(
  writer: Writer,
  link: { readonly repositoryId: number; readonly blobId: number },
  { now, reviewAt }: { readonly now: number; readonly reviewAt: number },
): Promise<void> {
  await renewRecordsWith(writer, link);
  await writer.run(
    `INSERT INTO links (repository_id, blob_id, created_at, review_at) VALUES ($1, $2, $3, $4)
      ON CONFLICT (repository_id, blob_id) DO UPDATE SET review_at = excluded.review_at`,
    link.repositoryId,
    link.blobId,
    now,
    reviewAt,
  );
}

/** Takes a blob from a repository; false if it didn't have it. */
export async function unlinkBlob(writer: Writer, repositoryId: number, blobId: number): Promise<boolean> {
  return (
    (await writer.run('DELETE FROM links WHERE repository_id = $1 AND blob_id = $2', repositoryId, blobId)) >
    0
  );
}

/** Puts off the question whether a manifest needs the blob; false if the repository doesn't have it any more. */
export async function postponeReview(
  writer: Writer,
  repository: RepositoryName,
  digest: Digest,
  reviewAt: number,
): Promise<boolean> {
  const changed = await writer.run(
    `UPDATE links SET review_at = $1
      WHERE repository_id = (SELECT id FROM repositories WHERE name = $2)
        AND blob_id = (SELECT id FROM blobs WHERE digest = $3)`,
    reviewAt,
    repository,
    digest,
  );
  return changed > 0;
}

/** Asks for a review of every blob that the manifest points at, because it is about to go. */
export async function reviewBlobsOf(writer: Writer, manifestId: number, reviewAt: number): Promise<void> {
  await writer.run(
    `UPDATE links SET review_at = $1
      WHERE repository_id = (SELECT repository_id FROM manifests WHERE id = $2)
        AND blob_id IN (
          SELECT b.id FROM edges e JOIN blobs b ON b.digest = e.digest WHERE e.manifest_id = $2 AND e.kind = 'blob')`,
    reviewAt,
    manifestId,
  );
}

/** A link whose time for a review has come, and whether a manifest of the repository needs it. */
export type DueLink = Blob & { readonly repository_id: number; readonly needed: number };

/** The links that are due, oldest first, without those that another process has taken to look at. */
export async function takeDueLinks(writer: Writer, now: number, limit: number): Promise<readonly DueLink[]> {
  return writer.all<DueLink>(
    `SELECT b.id, b.digest, b.size, b.key, l.repository_id,
        CASE WHEN EXISTS (
          SELECT 1 FROM edges e WHERE e.repository_id = l.repository_id AND e.kind = 'blob' AND e.digest = b.digest
        ) THEN 1 ELSE 0 END AS needed
      FROM links l JOIN blobs b ON b.id = l.blob_id
      WHERE l.review_at <= $1 ORDER BY l.review_at LIMIT $2 ${writer.dialect.skipLocked('l')}`,
    now,
    limit,
  );
}

/** Ends the review of a blob that a manifest needs. */
export async function endReview(writer: Writer, repositoryId: number, blobId: number): Promise<void> {
  await writer.run(
    'UPDATE links SET review_at = NULL WHERE repository_id = $1 AND blob_id = $2',
    repositoryId,
    blobId,
  );
}

/** Names of the repositories that have the blob, in byte order. */
export async function listRepositoriesWithBlob(
  reader: Reader,
  digest: Digest,
  limit: number,
): Promise<readonly RepositoryName[]> {
  const rows = await reader.all<{ name: RepositoryName }>(
    `SELECT r.name FROM blobs b JOIN links l ON l.blob_id = b.id JOIN repositories r ON r.id = l.repository_id
      WHERE b.digest = $1 ORDER BY r.name LIMIT $2`,
    digest,
    limit,
  );
  return rows.map(({ name }) => name);
}
