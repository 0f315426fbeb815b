import type { Descriptor } from '@img/spec/descriptor';
import type { Digest } from '@img/spec/digest';
import { parseImageConfig } from '@img/spec/image-config';
import { childrenOf, parseManifest } from '@img/spec/manifest';
import { isIndexMediaType, isManifestMediaType, mediaTypes } from '@img/spec/media-types';
import { referrersTag } from '@img/spec/routes';
import type { Tag } from '@img/spec/tag';
import { attachmentSubject } from '../transfer/attachment-tag.ts';
import type { BlobFiles } from './blob-files.ts';
import type { RepositoryFiles } from './repository-files.ts';

/**
 * What the images of a repository need: manifests, what is attached to them, configs, layers and, so that they
 * can be kept in another form, the diffIDs of the layers. Content that isn't there is needed, too.
 *
 * Attachments don't keep anything by themselves: signatures of an image that is gone are not needed.
 *
 * @param roots manifests that are needed besides those that have references
 * @throws RegistryError CONTENT_CORRUPT, STORE_INVALID: what a damaged manifest needs can't be known
 */
export async function markNeeded(
  files: RepositoryFiles,
  blobs: BlobFiles,
  roots: readonly Digest[],
): Promise<ReadonlySet<Digest>> {
  const needed = new Set<Digest>();
  const attachmentTags = new Map<Tag, Tag[]>();
  const waiting: Descriptor[] = [];
  for (const tag of await files.listTags()) {
    const subject = attachmentSubject(tag);
    if (subject === undefined) waiting.push(...found(await files.get('tags', tag)));
    else attachmentTags.set(subject, [...(attachmentTags.get(subject) ?? []), tag]);
  }
  for (const digest of await files.listDigests('digests'))
    waiting.push(...found(await files.get('digests', digest)));
  for (const root of roots) waiting.push(...found(await files.get('manifests', root)));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (needed.has(next.digest)) continue;
    needed.add(next.digest);
    if (isConfig(next)) for (const diffId of await diffIdsOf(next, blobs)) needed.add(diffId);
    if (!isManifest(next)) continue;
    waiting.push(...(await childrenIn(next, blobs)), ...(await files.listReferrers(next.digest)));
    for (const tag of attachmentTags.get(referrersTag(next.digest)) ?? []) {
      waiting.push(...found(await files.get('tags', tag)));
    }
  }
  return needed;
}

function found(descriptor: Descriptor | undefined): readonly Descriptor[] {
  return descriptor === undefined ? [] : [descriptor];
}

function isManifest({ mediaType }: Descriptor): boolean {
  return isManifestMediaType(mediaType) || isIndexMediaType(mediaType);
}

function isConfig({ mediaType }: Descriptor): boolean {
  return mediaType === mediaTypes.ociConfig || mediaType === mediaTypes.dockerConfig;
}

async function childrenIn(descriptor: Descriptor, blobs: BlobFiles): Promise<readonly Descriptor[]> {
  const bytes = blobs.readIfThere(descriptor);
  if (bytes === undefined) return [];
  try {
    return childrenOf(parseManifest(bytes, descriptor.mediaType));
  } catch {
    // It is what was pushed, so nobody can ever read it as a manifest.
    return [];
  }
}

async function diffIdsOf(descriptor: Descriptor, blobs: BlobFiles): Promise<readonly Digest[]> {
  const bytes = blobs.readIfThere(descriptor);
  if (bytes === undefined) return [];
  try {
    return parseImageConfig(bytes).diffIds;
  } catch {
    // Artifacts carry this media type, too, with any content.
    return [];
  }
}
