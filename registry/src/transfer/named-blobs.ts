import type { Digest } from '@img/spec/digest';
import { limits } from '@img/spec/limits';
import { parseManifest } from '@img/spec/manifest';
import { isIndexMediaType, isManifestMediaType } from '@img/spec/media-types';
import type { ContentOptions, ContentSource } from './content.ts';

/**
 * The blobs that a manifest names, or those below an index do, as far as the source has their manifests: whoever has
 * the image has these.
 */
export async function namedBlobs(
  source: Pick<ContentSource, 'getManifest'>,
  digest: Digest,
  options?: ContentOptions,
): Promise<ReadonlySet<Digest>> {
  const blobs = new Set<Digest>();
  const seen = new Set([digest]);
  for (const each of seen) {
    const content = await source.getManifest(each, options);
    if (content === undefined) continue;
    const manifest = parseManifest(content.bytes, content.descriptor.mediaType);
    const below = manifest.kind === 'index' ? manifest.manifests : [manifest.config, ...manifest.layers];
    for (const { mediaType, digest } of below) {
      if (!isManifestMediaType(mediaType) && !isIndexMediaType(mediaType)) blobs.add(digest);
      else if (seen.size < limits.indexManifests) seen.add(digest);
    }
  }
  return blobs;
}
