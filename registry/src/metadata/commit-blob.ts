import type { Digest } from '@img/spec/digest';
import { type Blob, findStoredBlob, insertBlob, replaceBlobKey } from './blobs.ts';
import type { Writer } from './database.ts';
import { linkBlob } from './links.ts';
import { ensureRepository } from './repositories.ts';
import { buryBlob } from './tombstones.ts';
import { endUpload, type Upload } from './uploads.ts';

export type BlobCommit = {
  /** The upload whose bytes are complete in the blob store. */
  readonly upload: Upload;
  /** The token of the lock on the upload. */
  readonly token: string;
  /** Digest of the bytes, computed by us. */
  readonly digest: Digest;
  /** A row with the digest whose bytes the blob store has lost; the new ones take their place. */
  readonly lost?: Blob | undefined;
};

export type CommitTimes = { readonly now: number; readonly reviewAt: number };

/**
 * Turns a complete upload into a blob of its repository. If the same bytes are stored already, those are used and
 * the new ones buried.
 *
 * @returns whether bytes were buried
 * @throws MetadataError UPLOAD_TAKEN if the lock was lost
 */
export async function commitBlob(
  writer: Writer,
  { upload, token, digest, lost }: BlobCommit,
  { now, reviewAt }: CommitTimes,
): Promise<boolean> {
  await endUpload(writer, upload.id, token);
  const { key, state } = upload;
  const blob = { digest, key, size: state.sizeBytes };
  const stored = await findStoredBlob(writer, digest);
  if (stored !== undefined && stored.key === lost?.key) await replaceBlobKey(writer, stored, key, now);
  else if (stored !== undefined) await buryBlob(writer, blob, now);
  const blobId = stored?.id ?? (await insertBlob(writer, blob, now));
  const repositoryId = await ensureRepository(writer, upload.repository, now);
  await linkBlob(writer, { repositoryId, blobId }, { now, reviewAt });
  return stored !== undefined;
}
