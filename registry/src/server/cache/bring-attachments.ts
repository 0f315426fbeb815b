import { type Digest, digestAlgorithm, digestHex } from '@img/spec/digest';
import { limits } from '@img/spec/limits';
import { parseManifest } from '@img/spec/manifest';
import type { Tag } from '@img/spec/tag';
import { findManifest } from '../../metadata/manifests.ts';
import { listReferrers } from '../../metadata/referrers.ts';
import { bringBlob } from './bring-blob.ts';
import { bringReferrers } from './bring-referrers.ts';
import { bringTag } from './bring-tag.ts';
import type { CachedRepository } from './cached-repository.ts';
import { storeCopy } from './store-copy.ts';

/** cosign's tags of what it attaches. */
const suffixes = ['sig', 'att'] as const;

/**
 * Brings what is attached to an image: signatures and their small blobs, so that the image can still be verified when
 * the upstream is away. What can't be brought is noted in the log, and brought when somebody asks for it.
 */
export async function bringAttachments(copy: CachedRepository, subject: Digest): Promise<void> {
  const { name, services } = copy;
  const { database, log, cache } = services;
  try {
    await bringReferrers(copy, subject);
    const query = { repository: name, subject, limit: limits.signaturesPerImage };
    for (const { digest } of await listReferrers(database, query)) await bringSmallBlobs(copy, { digest });
    for (const suffix of suffixes) {
      const tag = `${digestAlgorithm(subject)}-${digestHex(subject).slice(0, 64)}.${suffix}` as Tag;
      await bringTag(copy, tag, storeCopy);
      await bringSmallBlobs(copy, { tag });
    }
    log.info({ repository: name, subject }, 'what is attached to an image was brought');
  } catch (error) {
    if (cache.signal.aborted) return;
    log.warn({ err: error, repository: name, subject }, 'what is attached to an image was not brought');
  }
}

async function bringSmallBlobs(
  copy: CachedRepository,
  reference: { readonly digest: Digest } | { readonly tag: Tag },
): Promise<void> {
  const found = await findManifest(copy.services.database, copy.name, reference);
  if (found === undefined) return;
  const manifest = parseManifest(found.bytes, found.media_type);
  if (manifest.kind === 'index') return;
  for (const { digest, size } of [manifest.config, ...manifest.layers]) {
    if (size <= limits.signatureBytes) await bringBlob(copy, digest);
  }
}
