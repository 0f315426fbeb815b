import type { Descriptor } from '@img/spec/descriptor';
import type { RepositoryName } from '@img/spec/repository-name';
import { latestTag, type Tag } from '@img/spec/tag';
import type { BuildImageOptions } from './build-image-options.ts';
import { type BuiltPlatform, buildPlatform } from './image/build-platform.ts';
import { encodeIndex } from './image/encode-image.ts';
import type { ImageLayer } from './image/layer-files.ts';
import { prepareBuild } from './image/prepare-build.ts';
import type { ImageLock } from './lock/image-lock.ts';

export type BuiltImage = {
  readonly name: RepositoryName;
  /** The version and `latest`. */
  readonly tags: readonly Tag[];
  /** The manifest, or the index of several platforms. */
  readonly descriptor: Descriptor;
  /** One for each platform. */
  readonly images: readonly BuiltPlatform[];
  /** Layers that the image's repository has, and that have not come to the target. */
  readonly leftLayers: readonly ImageLayer[];
  /** What is to be kept as img.lock; undefined if there is nothing to lock. */
  readonly lock: ImageLock | undefined;
};

/**
 * Builds an image and puts it into the target under its version and `latest`. The same recipe, lock and files
 * always give the same digest. An interrupted build leaves nothing but layers that the next one can use.
 *
 * @throws BuilderError, and what the target throws
 */
export async function buildImage(options: BuildImageOptions): Promise<BuiltImage> {
  const { recipe } = options;
  const { platforms, lockOf } = await prepareBuild(options);
  const images: BuiltPlatform[] = [];
  for (const platform of platforms) images.push(await buildPlatform(recipe, platform));
  const tags = recipe.version === latestTag ? [latestTag] : [recipe.version, latestTag];
  return {
    name: recipe.name,
    tags,
    descriptor: await storeManifests(options, images, tags),
    images,
    leftLayers: images.flatMap(({ layers }) => layers.filter(({ bring }) => bring !== undefined)),
    lock: lockOf(images.map(({ lock }) => lock)),
  };
}

/** Stores the manifests, and of several platforms their index, and points the tags at the image. */
async function storeManifests(
  { recipe, target, signal }: BuildImageOptions,
  images: readonly BuiltPlatform[],
  tags: readonly Tag[],
): Promise<Descriptor> {
  const options = signal === undefined ? {} : { signal };
  const [first, ...others] = images;
  if (first === undefined) throw new Error('an image is built for one platform at least');
  let top = first.manifest;
  if (others.length > 0) {
    for (const { manifest } of images) await target?.putManifest(manifest, options);
    // Texts of this form compare as times do.
    const created = images
      .flatMap((image) => image.created ?? [])
      .sort()
      .at(-1);
    const children = images.map(({ manifest, platform }) => ({ ...manifest.descriptor, platform }));
    top = encodeIndex(recipe, children, created);
  }
  for (const tag of tags) await target?.putManifest(top, { ...options, tag });
  return top.descriptor;
}
