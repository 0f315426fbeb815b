import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '@img/registry/storage/make-folder';
import { writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import type { ContentOptions, ContentSource, ManifestContent } from '@img/registry/transfer/content';
import { readBlob } from '@img/registry/transfer/read-blob';
import { type PlatformImage, readImage } from '@img/runtime/read-image';
import { type Digest, digestAlgorithm, digestHex, digestOf } from '@img/spec/digest';
import { type ImageConfig, parseImageConfig } from '@img/spec/image-config';
import { limits } from '@img/spec/limits';
import { type ImageManifest, parseImageManifest } from '@img/spec/manifest';
import { formatPlatform, type Platform, platformScore } from '@img/spec/platform';
import type { ProgressListener } from '@img/spec/progress';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import type { LayerCache } from '../layers/layer-cache.ts';
import { mapParallel } from '../map-parallel.ts';
import { type BaseLayer, baseLayer } from './base-layer.ts';
import type { OpenBase, OpenedBase } from './open-base.ts';

/** An image of one platform that another one is built upon. */
export type BaseImage = {
  readonly name: string;
  /** Of the image's own manifest, below any index. */
  readonly digest: Digest;
  readonly config: ImageConfig;
  /** Lowest first. */
  readonly layers: readonly BaseLayer[];
};

export type ReadBaseOptions = {
  readonly open: OpenBase;
  /** The folder of the img.yaml. */
  readonly folder: string;
  readonly platform: Platform;
  /** The manifest that was locked; whatever the name leads to now. */
  readonly locked: Digest | undefined;
  readonly cache: LayerCache;
  readonly onProgress?: ProgressListener | undefined;
  readonly signal?: AbortSignal | undefined;
};

const concurrency = 4;

/**
 * Reads the image that a recipe is built upon. What was read once and is locked is read from the cache.
 *
 * @throws BuilderError BASE_*; SpecError PLATFORM_UNKNOWN; what the source throws
 */
export async function readBase(name: string, options: ReadBaseOptions): Promise<BaseImage> {
  const { open, folder, platform, locked, cache, onProgress, signal } = options;
  const contentOptions: ContentOptions = signal === undefined ? {} : { signal };
  let opened: OpenedBase | undefined;
  // Opened when it is needed: what is locked and cached needs no registry.
  const source = async (): Promise<OpenedBase> => (opened ??= await open(name, folder));
  try {
    const kept = locked === undefined ? undefined : await readKept(cache, locked);
    const image = kept ?? (await fetchImage(name, await source(), { ...options, contentOptions }));
    const { manifest, config, digest } = image;
    checkPlatform(name, config, platform);
    if (manifest.layers.length !== config.diffIds.length) {
      throw new BuilderError(
        'BASE_INVALID',
        `${quote(name)} has ${manifest.layers.length} layers, its config ${config.diffIds.length}`,
      );
    }
    const layers = await mapParallel(manifest.layers, concurrency, (descriptor, index) => {
      const diffId = config.diffIds[index] as Digest;
      const lazy = lazySource(source);
      return baseLayer(descriptor, { source: lazy, cache, diffId, onProgress, signal });
    });
    return { name, digest, config, layers };
  } finally {
    await opened?.[Symbol.asyncDispose]();
  }
}

/** Only the content of blobs; opened at the first of them. */
function lazySource(source: () => Promise<OpenedBase>): Pick<ContentSource, 'getBlob'> {
  return {
    async *getBlob(descriptor, options) {
      yield* (await source()).source.getBlob(descriptor, options);
    },
  };
}

async function fetchImage(
  name: string,
  { source, reference }: OpenedBase,
  options: ReadBaseOptions & { readonly contentOptions: ContentOptions },
): Promise<PlatformImage> {
  const { locked, platform, cache, contentOptions } = options;
  const content = await source.getManifest(locked ?? reference, contentOptions);
  if (content === undefined) throw missing(name, locked);
  const image = await readImage(content, source, platform, contentOptions);
  const isChild = image.digest !== content.descriptor.digest;
  const own = isChild ? await source.getManifest(image.digest, contentOptions) : content;
  if (own === undefined) throw missing(name, image.digest);
  await keep(
    cache,
    own,
    await readBlob(source, image.manifest.config, limits.imageConfigBytes, contentOptions),
  );
  return image;
}

function missing(name: string, locked: Digest | undefined): BuilderError {
  if (locked === undefined) return new BuilderError('BASE_MISSING', `there is no image ${quote(name)}`);
  return new BuilderError(
    'BASE_MISSING',
    `${quote(name)} has no image ${locked} any more, which img.lock names`,
    {
      hint: 'take the image that has this name now with --update',
    },
  );
}

function checkPlatform(name: string, config: ImageConfig, platform: Platform): void {
  if (platformScore(config.platform, platform) !== undefined) return;
  throw new BuilderError(
    'BASE_UNSUPPORTED',
    `${quote(name)} is for ${formatPlatform(config.platform)}, this image for ${formatPlatform(platform)}`,
  );
}

function pathOf(cache: LayerCache, digest: Digest): string {
  return join(cache.folder, 'base', 'images', digestHex(digest));
}

async function keep(
  cache: LayerCache,
  { descriptor, bytes }: ManifestContent,
  config: Uint8Array,
): Promise<void> {
  const path = pathOf(cache, descriptor.digest);
  await makeFolder(dirname(path), 0o755);
  await writeFileAtomic(`${path}.config`, config);
  await writeFileAtomic(path, bytes);
}

/** An image that was read before; undefined if it isn't in the cache, or not as it was. */
async function readKept(cache: LayerCache, digest: Digest): Promise<PlatformImage | undefined> {
  const path = pathOf(cache, digest);
  const [bytes, config] = await Promise.all([path, `${path}.config`].map(readIfThere));
  if (bytes === undefined || config === undefined || digestOf(bytes, digestAlgorithm(digest)) !== digest)
    return undefined;
  const manifest: ImageManifest = parseImageManifest(bytes);
  if (digestOf(config, digestAlgorithm(manifest.config.digest)) !== manifest.config.digest) return undefined;
  return { digest, manifest, config: parseImageConfig(config) };
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  return await readFile(path).catch(() => undefined);
}
