import type { ImageStore, StoredImage } from '@img/registry/images/image-store';
import type { ContentSource } from '@img/registry/transfer/content';
import { CodedError } from '@img/spec/coded-error';
import { type Manifest, parseManifest } from '@img/spec/manifest';
import { formatPlatform } from '@img/spec/platform';

/** What a list says about an image. */
export type ImageSummary = {
  /** Compressed, as far as this host has the manifests; undefined if something is damaged. */
  readonly sizeBytes: number | undefined;
  /** Of an index; empty for a single image. */
  readonly platforms: readonly string[];
};

/** Sums up an image of this host. A damaged one is listed like the others, so that it can be removed. */
export async function summarizeImage(store: ImageStore, image: StoredImage): Promise<ImageSummary> {
  const repository = store.repository(image.location);
  try {
    const content = await repository.getManifest(image.descriptor.digest);
    if (content === undefined) return { sizeBytes: undefined, platforms: [] };
    const manifest = parseManifest(content.bytes, content.descriptor.mediaType);
    return { sizeBytes: await sizeOf(manifest, repository), platforms: platformsOf(manifest) };
  } catch (error) {
    if (error instanceof CodedError) return { sizeBytes: undefined, platforms: [] };
    throw error;
  }
}

async function sizeOf(manifest: Manifest, repository: ContentSource): Promise<number> {
  if (manifest.kind === 'manifest') {
    return [manifest.config, ...manifest.layers].reduce((sum, { size }) => sum + size, 0);
  }
  let sum = 0;
  for (const { digest } of manifest.manifests) {
    const child = await repository.getManifest(digest);
    const parsed = child === undefined ? undefined : parseManifest(child.bytes, child.descriptor.mediaType);
    // One level is all that exists in practice; a deeper one counts as nothing rather than without end.
    if (parsed?.kind === 'manifest') sum += await sizeOf(parsed, repository);
  }
  return sum;
}

function platformsOf(manifest: Manifest): readonly string[] {
  if (manifest.kind === 'manifest') return [];
  return manifest.manifests.flatMap(({ platform }) =>
    platform === undefined ? [] : [formatPlatform(platform)],
  );
}
