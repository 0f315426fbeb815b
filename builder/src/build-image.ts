import type { ContentTarget } from '@img/registry/transfer/content';
import type { Descriptor } from '@img/spec/descriptor';
import type { LayerCompression } from '@img/spec/media-types';
import { formatPlatform, type Platform } from '@img/spec/platform';
import type { ProgressListener } from '@img/spec/progress';
import { quote } from '@img/spec/quote';
import type { RepositoryName } from '@img/spec/repository-name';
import { latestTag, type Tag } from '@img/spec/tag';
import type { OpenBase, OpenedBase } from './base/open-base.ts';
import { BuilderError } from './builder-error.ts';
import { profile } from './deb/profile.ts';
import { debianArchitecture } from './debian/architecture.ts';
import { fetchPackages } from './debian/fetch-packages.ts';
import type { ArchiveOptions } from './debian/resolution.ts';
import { resolvePackages } from './debian/resolve-packages.ts';
import type { BuildContext } from './image/build-context.ts';
import { type BuiltPlatform, buildPlatform } from './image/build-platform.ts';
import { encodeIndex } from './image/encode-image.ts';
import type { PackageSource } from './image/os-layers.ts';
import { type ChosenSystem, systemOf } from './image/system-of.ts';
import { LayerCache } from './layers/layer-cache.ts';
import { heldLock } from './lock/held-lock.ts';
import type { ImageLock, LockRequest } from './lock/image-lock.ts';
import type { ImageRecipe } from './recipe/image-recipe.ts';

export type BuildImageOptions = {
  readonly recipe: ImageRecipe;
  /** The folder that paths of the recipe are relative to. */
  readonly folder: string;
  /** Where the image goes. */
  readonly target: ContentTarget;
  /** Downloads, indexes and converted layers; may be shared between processes and removed at any time. */
  readonly cacheFolder: string;
  /** What is built if neither the recipe nor `platforms` names any. */
  readonly platform: Platform;
  /** Instead of those of the recipe. */
  readonly platforms?: readonly Platform[];
  /** Finds images that `from:` names; without it they are refused. */
  readonly openBase?: OpenBase;
  /** Root of the registry of npm packages; npm's own if absent. */
  readonly npmRegistry?: string | undefined;
  /** Root of an index of Python packages; the one that requirements.txt names, or PyPI, if absent. */
  readonly pythonIndex?: string | undefined;
  /** zstd if absent. */
  readonly compression?: LayerCompression;
  /** What an earlier build of the recipe chose. */
  readonly lock?: ImageLock | undefined;
  /** Refuses to build what the lock doesn't say. */
  readonly isLocked?: boolean;
  /** Chooses packages anew; of the lock counts only that an archive must not be older than it was. */
  readonly isUpdating?: boolean;
  /** Root of a Debian mirror, from the configuration; counts for Debian, and the recipe's counts more. */
  readonly mirror?: string | undefined;
  /** See `BuildContext`. */
  readonly sourceDateEpoch?: number | undefined;
  /** The time against which indexes are checked. */
  readonly now: Date;
  readonly onProgress?: ProgressListener | undefined;
  readonly signal?: AbortSignal | undefined;
};

export type BuiltImage = {
  readonly name: RepositoryName;
  /** The version and `latest`. */
  readonly tags: readonly Tag[];
  /** The manifest, or the index of several platforms. */
  readonly descriptor: Descriptor;
  /** One for each platform. */
  readonly images: readonly BuiltPlatform[];
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
  const { recipe, folder, target, sourceDateEpoch, compression = 'zstd', onProgress, signal } = options;
  const cache = new LayerCache(options.cacheFolder);
  await cache.sweep(options.now);
  const { openBase = refuseBase } = options;
  const context: BuildContext = {
    folder,
    cache,
    openBase,
    pythonIndex: options.pythonIndex,
    npmRegistry: options.npmRegistry ?? 'https://registry.npmjs.org',
    target,
    compression,
    sourceDateEpoch,
    onProgress,
    signal,
  };
  const chosen = await systemOf(recipe, folder);
  const { platforms = recipe.platforms.length === 0 ? [options.platform] : recipe.platforms } = options;
  const os = recipe.os.kind === 'image' ? `from ${recipe.os.from}` : (chosen?.key ?? 'scratch');
  const request: LockRequest = { os, packages: recipe.packages };
  const isLockable = chosen !== undefined || recipe.os.kind === 'image' || recipe.binaries.length > 0;
  const held = isLockable ? heldLockOf(options, request, platforms) : undefined;
  const images: BuiltPlatform[] = [];
  for (const platform of platforms) {
    const source = chosen === undefined ? undefined : packageSource(options, chosen, platform);
    const locked = options.isUpdating === true ? undefined : held?.platforms.get(formatPlatform(platform));
    const isLocked = options.isLocked === true && locked !== undefined;
    images.push(await buildPlatform(recipe, { ...context, platform, source, locked, isLocked }));
  }
  const tags = recipe.version === latestTag ? [latestTag] : [recipe.version, latestTag];
  return {
    name: recipe.name,
    tags,
    descriptor: await storeManifests(options, images, tags),
    images,
    lock: isLockable ? lockOf(request, images, held) : undefined,
  };
}

async function refuseBase(name: string): Promise<OpenedBase> {
  throw new BuilderError(
    'BASE_UNSUPPORTED',
    `${quote(name)} can't be built upon here: no images are at hand`,
  );
}

function heldLockOf(
  { recipe, lock, isLocked = false, onProgress }: BuildImageOptions,
  request: LockRequest,
  platforms: readonly Platform[],
): ImageLock | undefined {
  return heldLock(lock, {
    // Nothing becomes a layer of another image but what is one already.
    profile: recipe.os.kind === 'image' ? (lock?.profile ?? profile) : profile,
    request,
    platforms: platforms.map(formatPlatform),
    isLocked,
    onChange: (text) => onProgress?.({ kind: 'note', text }),
  });
}

function packageSource(options: BuildImageOptions, chosen: ChosenSystem, platform: Platform): PackageSource {
  const { cacheFolder: cacheDir, now, lock, onProgress, signal } = options;
  const { mirror } = chosen;
  const archive: ArchiveOptions = {
    system: chosen.system,
    cacheDir,
    ...(mirror === undefined ? {} : { mirror }),
    ...(options.mirror === undefined ? {} : { debianMirror: options.mirror }),
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(signal === undefined ? {} : { signal }),
  };
  const previous = lock?.platforms.get(formatPlatform(platform))?.releases ?? [];
  const architecture = debianArchitecture(platform);
  return {
    resolve: (packages) => resolvePackages({ ...archive, architecture, packages, now, previous }),
    fetch: (packages) => fetchPackages(packages, archive),
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
    for (const { manifest } of images) await target.putManifest(manifest, options);
    // Texts of this form compare as times do.
    const created = images
      .flatMap((image) => image.created ?? [])
      .sort()
      .at(-1);
    const children = images.map(({ manifest, platform }) => ({ ...manifest.descriptor, platform }));
    top = encodeIndex(recipe, children, created);
  }
  for (const tag of tags) await target.putManifest(top, { ...options, tag });
  return top.descriptor;
}

/** The lock that holds for the request: what was built now, and what it said of other platforms. */
function lockOf(
  request: LockRequest,
  images: readonly BuiltPlatform[],
  held: ImageLock | undefined,
): ImageLock {
  const built = images.map(({ platform, lock }) => [formatPlatform(platform), lock] as const);
  return { profile, request, platforms: new Map([...(held?.platforms ?? []), ...built]) };
}
