import type { Descriptor } from '@img/spec/descriptor';
import type { Digest } from '@img/spec/digest';
import { placeholders, type Reader, type Writer } from './database.ts';

export type EdgeKind = 'blob' | 'manifest';

/** What a manifest points at: descriptors of blobs, or for an index of manifests. */
export type Edges = { readonly kind: EdgeKind; readonly descriptors: readonly Descriptor[] };

/** Rows per statement, below the limits on parameters of both databases. */
const rowsPerStatement = 200;

export async function insertEdges(
  writer: Writer,
  manifest: { readonly id: number; readonly repositoryId: number },
  { kind, descriptors }: Edges,
): Promise<void> {
  for (const digests of batches(uniqueDigests(descriptors))) {
    const rows = digests.map((_, index) => `($1, $2, $3, $${index + 4})`).join(', ');
    await writer.run(
      `INSERT INTO edges (manifest_id, repository_id, kind, digest) VALUES ${rows}`,
      manifest.id,
      manifest.repositoryId,
      kind,
      ...digests,
    );
  }
}

/** Something that a manifest points at, as the repository has it. */
export type Target = { readonly digest: Digest; readonly size: number };

/** Which of the targets the repository has, with their true sizes. */
export async function findTargets(
  reader: Reader,
  repositoryId: number,
  { kind, descriptors }: Edges,
): Promise<ReadonlyMap<Digest, number>> {
  const found = new Map<Digest, number>();
  for (const digests of batches(uniqueDigests(descriptors))) {
    const list = placeholders(2, digests.length);
    const rows = await reader.all<Target>(
      kind === 'manifest'
        ? `SELECT digest, size FROM manifests WHERE repository_id = $1 AND digest IN (${list})`
        : `SELECT b.digest, b.size FROM blobs b JOIN links l ON l.blob_id = b.id
            WHERE l.repository_id = $1 AND b.digest IN (${list})`,
      repositoryId,
      ...digests,
    );
    for (const { digest, size } of rows) found.set(digest, size);
  }
  return found;
}

/** Digests of manifests in the repository that point at the digest; the first few of them. */
export async function listParents(
  reader: Reader,
  repositoryId: number,
  kind: EdgeKind,
  digest: Digest,
): Promise<readonly Digest[]> {
  const rows = await reader.all<{ digest: Digest }>(
    `SELECT m.digest FROM edges e JOIN manifests m ON m.id = e.manifest_id
      WHERE e.repository_id = $1 AND e.kind = $2 AND e.digest = $3 ORDER BY e.manifest_id LIMIT 3`,
    repositoryId,
    kind,
    digest,
  );
  return rows.map((row) => row.digest);
}

function uniqueDigests(descriptors: readonly Descriptor[]): readonly Digest[] {
  return [...new Set(descriptors.map(({ digest }) => digest))];
}

function* batches<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += rowsPerStatement) yield items.slice(at, at + rowsPerStatement);
}
