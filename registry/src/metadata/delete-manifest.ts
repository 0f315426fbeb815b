import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';
import type { Writer } from './database.ts';
import type { Deletion } from './delete-blob.ts';
import { listParents } from './edges.ts';
import { reviewBlobsOf } from './links.ts';
import { dropRecord } from './manifest-records.ts';
import { deleteManifestRow, findManifestHead, noteLeftBy } from './manifests.ts';
import { findRepository } from './repositories.ts';
import { removeTag, removeTagsOf, type TagMove } from './tags.ts';

/**
 * Removes a manifest with all of its tags. An index protects the manifests that it lists. Blobs that only this
 * manifest needed go after their review.
 */
export async function deleteManifest(
  writer: Writer,
  repository: RepositoryName,
  digest: Digest,
  { actor, now, reviewAt }: TagMove & { readonly reviewAt: number },
): Promise<Deletion> {
  const manifest = await findManifestHead(writer, repository, { digest });
  if (manifest === undefined) return { kind: 'unknown' };
  const by = await listParents(writer, manifest.repository_id, 'manifest', digest);
  if (by.length > 0) return { kind: 'protected', by };
  await removeTagsOf(writer, manifest, { actor, now });
  await noteLeftBy(writer, manifest, now);
  await reviewBlobsOf(writer, manifest.id, reviewAt);
  await dropRecord(writer, manifest.id, now);
  await deleteManifestRow(writer, manifest.id);
  return { kind: 'deleted' };
}

/** Removes a tag and nothing else; false if there is none. */
export async function deleteTag(
  writer: Writer,
  repository: RepositoryName,
  tag: Tag,
  move: TagMove,
): Promise<boolean> {
  const repositoryId = await findRepository(writer, repository);
  return repositoryId !== undefined && (await removeTag(writer, repositoryId, tag, move));
}
