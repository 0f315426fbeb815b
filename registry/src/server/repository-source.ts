import { isDigest } from '@img/spec/digest';
import { limits } from '@img/spec/limits';
import type { RepositoryName } from '@img/spec/repository-name';
import { findBlob } from '../metadata/blobs.ts';
import { findManifest } from '../metadata/manifests.ts';
import { listReferrers } from '../metadata/referrers.ts';
import { RegistryError } from '../registry-error.ts';
import { BlobStoreError } from '../storage/blob-store-error.ts';
import type { ContentSource } from '../transfer/content.ts';
import type { Services } from './services.ts';

/** A repository of this registry, read from where it is stored. */
export function repositorySource(
  { database, blobs }: Pick<Services, 'database' | 'blobs'>,
  repository: RepositoryName,
): ContentSource {
  return {
    name: repository,
    getManifest: async (reference) => {
      const named = isDigest(reference) ? { digest: reference } : { tag: reference };
      const found = await findManifest(database, repository, named);
      if (found === undefined) return undefined;
      const { media_type, digest, size, bytes } = found;
      return { descriptor: { mediaType: media_type, digest, size }, bytes };
    },
    getBlob: async function* ({ digest }, { offset = 0 } = {}) {
      const blob = await findBlob(database, repository, digest);
      if (blob === undefined) throw missing(digest);
      try {
        yield* await blobs.get(blob.key, { offset });
      } catch (error) {
        throw error instanceof BlobStoreError && error.code === 'BLOB_MISSING'
          ? missing(digest, error)
          : error;
      }
    },
    listReferrers: (subject) => {
      return listReferrers(database, { repository, subject, limit: limits.signaturesPerImage * 4 });
    },
  };
}

function missing(digest: string, cause?: Error): RegistryError {
  return new RegistryError('CONTENT_MISSING', `blob ${digest} is not there`, { cause });
}
