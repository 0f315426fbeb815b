import { randomUUID } from 'node:crypto';
import type { Content } from '@img/sign/content';
import { type Digest, digestAlgorithm } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import { ofOneRow } from '../../metadata/database.ts';
import { postponeReview } from '../../metadata/links.ts';
import { insertUpload, type Upload } from '../../metadata/uploads.ts';
import { createBlobKey } from '../../storage/blob-key.ts';
import { emptyUpload } from '../../storage/blob-store.ts';
import type { Services } from '../services.ts';
import { withUpload } from './with-upload.ts';

/** Nobody logs in with this name. */
const owner = '+registry';

/**
 * Stores a small blob of the registry's own in a repository, in the same way as one that is pushed: it is safe until
 * it is needed, and goes if it never is.
 */
export async function storeBlob(
  services: Services,
  repository: RepositoryName,
  { descriptor, bytes }: Content,
): Promise<void> {
  const { database, clock, limits } = services;
  const reviewAt = clock() + limits.unneededMs;
  const isThere = await database.transaction((writer) => {
    return postponeReview(writer, repository, descriptor.digest, reviewAt);
  });
  if (isThere) return;
  await storeStream(services, repository, descriptor.digest, once(bytes));
}

/**
 * Stores a blob of the registry's own as it comes, like one that is pushed; nothing of it if it breaks off.
 *
 * @throws ProtocolError DIGEST_INVALID, and what the content throws
 */
export async function storeStream(
  services: Services,
  repository: RepositoryName,
  digest: Digest,
  content: AsyncIterable<Uint8Array>,
): Promise<void> {
  const { database, clock } = services;
  const upload: Upload = {
    id: randomUUID(),
    repository,
    owner,
    key: createBlobKey(),
    algorithm: digestAlgorithm(digest),
    state: emptyUpload,
  };
  await database.transaction((writer) => insertUpload(writer, upload, clock()), ofOneRow);
  await withUpload(services, upload, async (session) => {
    try {
      await session.append(content);
    } catch (error) {
      // Nobody goes on with it.
      await session.cancel();
      throw error;
    }
    await session.commit(digest);
  });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
