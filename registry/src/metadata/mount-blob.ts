import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import { findBlob } from './blobs.ts';
import type { CommitTimes } from './commit-blob.ts';
import type { Writer } from './database.ts';
import { linkBlob } from './links.ts';
import { ensureRepository } from './repositories.ts';

/** Gives a blob of one repository to another one; false if the first doesn't have it. */
export async function mountBlob(
  writer: Writer,
  {
    digest,
    from,
    to,
  }: { readonly digest: Digest; readonly from: RepositoryName; readonly to: RepositoryName },
  { now, reviewAt }: CommitTimes,
): Promise<boolean> {
  const blob = await findBlob(writer, from, digest);
  if (blob === undefined) return false;
  const repositoryId = await ensureRepository(writer, to, now);
  await linkBlob(writer, { repositoryId, blobId: blob.id }, { now, reviewAt });
  return true;
}
