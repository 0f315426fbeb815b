import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import { dropUnlinkedBlob, findBlob } from './blobs.ts';
import type { Writer } from './database.ts';
import { listParents } from './edges.ts';
import { unlinkBlob } from './links.ts';
import { findRepository } from './repositories.ts';

/** What became of a deletion: it is protected while manifests of the same repository point at it. */
export type Deletion =
  | { readonly kind: 'deleted' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'protected'; readonly by: readonly Digest[] };

/** Takes a blob from a repository; the bytes are buried if no other repository has them. */
export async function deleteBlob(
  writer: Writer,
  repository: RepositoryName,
  digest: Digest,
  now: number,
): Promise<Deletion> {
  const repositoryId = await findRepository(writer, repository);
  const blob = await findBlob(writer, repository, digest);
  if (repositoryId === undefined || blob === undefined) return { kind: 'unknown' };
  const by = await listParents(writer, repositoryId, 'blob', digest);
  if (by.length > 0) return { kind: 'protected', by };
  await unlinkBlob(writer, repositoryId, blob.id);
  await dropUnlinkedBlob(writer, blob, now);
  return { kind: 'deleted' };
}
