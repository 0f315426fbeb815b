import type { ContentOptions, ContentSource, ManifestContent } from '@img/registry/transfer/content';
import { collect } from '@img/spec/collect';
import type { Digest } from '@img/spec/digest';
import { type ImageConfig, parseImageConfig } from '@img/spec/image-config';
import { limits } from '@img/spec/limits';
import { artifactTypeOf, type ImageManifest, parseManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import { type Platform, selectPlatform } from '@img/spec/platform';
import { quote } from '@img/spec/quote';
import { verified } from '@img/spec/verified';
import { RuntimeError } from './runtime-error.ts';

/** The one image of a manifest or index that runs on a platform. */
export type PlatformImage = {
  /** Of the image's own manifest, below any index. */
  readonly digest: Digest;
  readonly manifest: ImageManifest;
  readonly config: ImageConfig;
};

/**
 * Reads manifest and config of the image for a platform; every byte is checked against the digest that leads to
 * it, from the one decided about on.
 *
 * @throws RuntimeError IMAGE_MISSING, IMAGE_UNSUPPORTED; SpecError PLATFORM_UNKNOWN, MANIFEST_INVALID, CONFIG_INVALID,
 *   CONTENT_*; what the source throws
 */
export async function readImage(
  content: ManifestContent,
  source: ContentSource,
  platform: Platform,
  options: ContentOptions = {},
): Promise<PlatformImage> {
  let { descriptor, bytes } = content;
  let manifest = parseManifest(bytes, descriptor.mediaType);
  for (let depth = 0; manifest.kind === 'index'; depth += 1) {
    if (depth === limits.indexDepth) {
      throw new RuntimeError(
        'IMAGE_UNSUPPORTED',
        `indexes in ${source.name} are nested deeper than ${depth}`,
      );
    }
    const { digest } = selectPlatform(manifest.manifests, platform);
    const child = await source.getManifest(digest, options);
    if (child === undefined) {
      throw new RuntimeError('IMAGE_MISSING', `${source.name} lacks the image ${digest} of its index`, {
        hint: 'it was fetched for another platform: fetch it again with img pull',
      });
    }
    ({ descriptor, bytes } = child);
    manifest = parseManifest(bytes, descriptor.mediaType);
  }
  const { config } = manifest;
  if (config.mediaType !== mediaTypes.ociConfig && config.mediaType !== mediaTypes.dockerConfig) {
    throw new RuntimeError(
      'IMAGE_UNSUPPORTED',
      `${source.name} has no image but an artifact of type ${quote(artifactTypeOf(manifest))} there`,
      { hint: 'only images can be run; look at it with img inspect' },
    );
  }
  const configBytes = await collect(
    verified(source.getBlob(config, options), config),
    limits.imageConfigBytes,
    'image config',
  );
  return { digest: descriptor.digest, manifest, config: parseImageConfig(configBytes) };
}
