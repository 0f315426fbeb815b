import type { ContentOptions, ContentSource, ManifestContent } from '@img/registry/transfer/content';
import { readBlob } from '@img/registry/transfer/read-blob';
import type { Descriptor } from '@img/spec/descriptor';
import type { Digest } from '@img/spec/digest';
import { type ImageConfig, parseImageConfig } from '@img/spec/image-config';
import { limits } from '@img/spec/limits';
import { artifactTypeOf, type ImageManifest, type Manifest, parseManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import { type Platform, platformScore } from '@img/spec/platform';

/** What there is to know about an image without fetching its layers. */
export type ImageDescription = {
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  /** What the index lists, as far as it says for which platform; empty for a single image. */
  readonly platforms: readonly { readonly platform: Platform; readonly digest: Digest }[];
  /** The image itself, or the one of an index for the platform asked for; undefined if there is none. */
  readonly image: SingleImage | undefined;
  /** What is attached to it. */
  readonly referrers: readonly Descriptor[];
};

export type SingleImage = {
  readonly digest: Digest;
  readonly manifest: ImageManifest;
  /** Undefined for an artifact, which is no image to run. */
  readonly config: ImageConfig | undefined;
};

/** @throws SpecError, and what the place throws */
export async function describeImage(
  content: ManifestContent,
  place: ContentSource,
  platform: Platform,
  options: ContentOptions,
): Promise<ImageDescription> {
  const { descriptor, bytes } = content;
  const manifest = parseManifest(bytes, descriptor.mediaType);
  const referrers = await place.listReferrers(descriptor.digest, options);
  if (manifest.kind === 'manifest') {
    const image = await singleImage(descriptor.digest, manifest, place, options);
    return { descriptor, manifest, platforms: [], image, referrers };
  }
  const platforms = manifest.manifests.flatMap((entry) => {
    return entry.platform === undefined ? [] : [{ platform: entry.platform, digest: entry.digest }];
  });
  const fitting = platforms.find((entry) => platformScore(entry.platform, platform) !== undefined);
  const child = fitting === undefined ? undefined : await place.getManifest(fitting.digest, options);
  const childManifest =
    child === undefined ? undefined : parseManifest(child.bytes, child.descriptor.mediaType);
  const image =
    child === undefined || childManifest?.kind !== 'manifest'
      ? undefined
      : await singleImage(child.descriptor.digest, childManifest, place, options);
  return { descriptor, manifest, platforms, image, referrers };
}

async function singleImage(
  digest: Digest,
  manifest: ImageManifest,
  place: ContentSource,
  options: ContentOptions,
): Promise<SingleImage> {
  const isImage = [mediaTypes.ociConfig, mediaTypes.dockerConfig].some(
    (type) => type === artifactTypeOf(manifest),
  );
  if (!isImage) return { digest, manifest, config: undefined };
  const bytes = await readBlob(place, manifest.config, limits.imageConfigBytes, options);
  return { digest, manifest, config: parseImageConfig(bytes) };
}
