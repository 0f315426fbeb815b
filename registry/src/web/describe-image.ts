import type { Descriptor } from '@img/spec/descriptor';
import type { Digest } from '@img/spec/digest';
import { type ImageConfig, parseImageConfig } from '@img/spec/image-config';
import { limits } from '@img/spec/limits';
import { type Manifest, parseManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import { formatPlatform } from '@img/spec/platform';
import { SpecError } from '@img/spec/spec-error';
import { RegistryError } from '../registry-error.ts';
import type { ContentSource } from '../transfer/content.ts';
import { readBlob } from '../transfer/read-blob.ts';

/** What a page shows of an image. */
export type ImageDescription = {
  readonly digest: Digest;
  readonly manifest: Manifest;
  /** Of an image for a platform whose config is here and is one. */
  readonly config: ImageConfig | undefined;
  readonly platforms: readonly string[];
  /** What has to be fetched for it; for an index, undefined. */
  readonly sizeBytes: number | undefined;
};

/** Reads what there is to say of a stored manifest. */
export async function describeImage(
  source: ContentSource,
  {
    digest,
    bytes,
    media_type,
  }: { readonly digest: Digest; readonly bytes: Uint8Array; readonly media_type: string },
): Promise<ImageDescription> {
  const manifest = parseManifest(bytes, media_type);
  if (manifest.kind === 'index') {
    const platforms = manifest.manifests.flatMap(({ platform }) => {
      return platform === undefined ? [] : [formatPlatform(platform)];
    });
    return { digest, manifest, config: undefined, platforms: [...new Set(platforms)], sizeBytes: undefined };
  }
  const config = await readConfig(source, manifest.config);
  const platforms = config === undefined ? [] : [formatPlatform(config.platform)];
  const parts = [manifest.config, ...manifest.layers];
  const sizeBytes = parts.reduce((sum, { size }) => sum + size, bytes.byteLength);
  return { digest, manifest, config, platforms, sizeBytes };
}

const configTypes: readonly string[] = [mediaTypes.ociConfig, mediaTypes.dockerConfig];

/** Undefined for what is no image: other things are kept in registries, too. */
async function readConfig(source: ContentSource, descriptor: Descriptor): Promise<ImageConfig | undefined> {
  if (!configTypes.includes(descriptor.mediaType)) return undefined;
  try {
    return parseImageConfig(await readBlob(source, descriptor, limits.imageConfigBytes));
  } catch (error) {
    if (error instanceof RegistryError || error instanceof SpecError) return undefined;
    throw error;
  }
}
