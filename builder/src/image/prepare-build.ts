import { formatPlatform, type Platform } from '@img/spec/platform';
import { quote } from '@img/spec/quote';
import type { OpenedBase } from '../base/open-base.ts';
import type { BuildImageOptions } from '../build-image-options.ts';
import { BuilderError } from '../builder-error.ts';
import { profile } from '../deb/profile.ts';
import { debianArchitecture } from '../debian/architecture.ts';
import { fetchPackages } from '../debian/fetch-packages.ts';
import { holdPackages } from '../debian/held-packages.ts';
import { nearestNames } from '../debian/nearest-names.ts';
import type { ArchiveOptions } from '../debian/resolution.ts';
import { resolvePackages } from '../debian/resolve-packages.ts';
import { KeptPackages } from '../kept/kept-packages.ts';
import { keptSource } from '../kept/kept-source.ts';
import { LayerCache } from '../layers/layer-cache.ts';
import { heldLock } from '../lock/held-lock.ts';
import type { ImageLock, LockRequest, PlatformLock } from '../lock/image-lock.ts';
import type { BuildPlatformOptions } from './build-platform.ts';
import type { PackageSource } from './os-layers.ts';
import { type ChosenSystem, systemOf } from './system-of.ts';

/** What is to be done for an image: the same for building and for locking it. */
export type PreparedBuild = {
  readonly platforms: readonly BuildPlatformOptions[];
  /** The lock that holds for what was made: one for each platform. Undefined if there is nothing to lock. */
  readonly lockOf: (made: readonly PlatformLock[]) => ImageLock | undefined;
};

/** @throws BuilderError SYSTEM_UNKNOWN, KEY_INVALID, SOURCE_*, LOCK_OUTDATED, PACKAGE_UNKNOWN */
export async function prepareBuild(options: BuildImageOptions): Promise<PreparedBuild> {
  const { recipe, folder, updates } = options;
  const cache = new LayerCache(options.cacheFolder, { isFresh: options.isFresh === true });
  await cache.sweep(options.now);
  const chosen = await systemOf(recipe, folder);
  const { platforms = recipe.platforms.length === 0 ? [options.platform] : recipe.platforms } = options;
  const os = recipe.os.kind === 'image' ? `from ${recipe.os.from}` : (chosen?.key ?? 'scratch');
  const request: LockRequest = { os, packages: recipe.packages };
  const isLockable = chosen !== undefined || recipe.os.kind === 'image' || recipe.binaries.length > 0;
  const held = isLockable ? heldLockOf(options, request, platforms) : undefined;
  checkUpdates(options);
  const parts = platforms.map((platform): BuildPlatformOptions => {
    const locked = updates === undefined ? held?.platforms.get(formatPlatform(platform)) : undefined;
    return {
      folder,
      cache,
      openBase: options.openBase ?? refuseBase,
      pythonIndex: options.pythonIndex,
      npmRegistry: options.npmRegistry ?? 'https://registry.npmjs.org',
      target: options.target,
      compression: options.compression ?? 'zstd',
      sourceDateEpoch: options.sourceDateEpoch,
      onProgress: options.onProgress,
      signal: options.signal,
      platform,
      source:
        chosen === undefined
          ? undefined
          : packageSource(options, chosen, { platform, kept: keptOf(options, cache, locked) }),
      locked,
      isLocked: options.isLocked === true && locked !== undefined,
    };
  });
  const lockOf = (made: readonly PlatformLock[]): ImageLock | undefined => {
    if (!isLockable) return undefined;
    const now = platforms.flatMap((platform, index) => {
      const lock = made[index];
      return lock === undefined ? [] : [[formatPlatform(platform), lock] as const];
    });
    // What the lock says of other platforms goes on to hold.
    return { profile, request, platforms: new Map([...(held?.platforms ?? []), ...now]) };
  };
  return { platforms: parts, lockOf };
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

/** What is to be updated should be in the lock. */
function checkUpdates({ updates, lock }: BuildImageOptions): void {
  if (updates === undefined || updates === 'all') return;
  const packages = [...(lock?.platforms.values() ?? [])].flatMap((platform) => platform.packages);
  const known = new Set(packages.flatMap(({ name, source }) => [name, source.name]));
  const unknown = updates.find((name) => !known.has(name));
  if (unknown === undefined) return;
  if (lock === undefined) {
    throw new BuilderError(
      'LOCK_OUTDATED',
      `${quote(unknown)} can't be updated, because there is no img.lock`,
      {
        hint: 'lock everything first, which takes the newest of all',
      },
    );
  }
  const near = nearestNames(unknown, known);
  throw new BuilderError('PACKAGE_UNKNOWN', `there is no package ${quote(unknown)} in img.lock`, {
    hint:
      near.length > 0 ? `did you mean ${near.join(' or ')}?` : 'name it under packages of img.yaml to get it',
  });
}

/** What the image's repository has of the packages that the lock names. */
function keptOf(
  { recipe, openKept, leavesLayers = false, onProgress, signal }: BuildImageOptions,
  cache: LayerCache,
  locked: PlatformLock | undefined,
): KeptPackages | undefined {
  if (openKept === undefined || locked === undefined) return undefined;
  if (locked.kept === undefined && locked.records === undefined) return undefined;
  const open = () => openKept(recipe.name);
  return new KeptPackages(locked, { cache, open, leavesLayers, onProgress, signal });
}

function packageSource(
  options: BuildImageOptions,
  chosen: ChosenSystem,
  { platform, kept }: { readonly platform: Platform; readonly kept: KeptPackages | undefined },
): PackageSource {
  const { cacheFolder: cacheDir, now, lock, updates, onProgress, signal } = options;
  const { mirror } = chosen;
  const archive: ArchiveOptions = {
    system: chosen.system,
    cacheDir,
    ...(mirror === undefined ? {} : { mirror }),
    ...(options.mirror === undefined ? {} : { debianMirror: options.mirror }),
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(signal === undefined ? {} : { signal }),
  };
  const before = lock?.platforms.get(formatPlatform(platform));
  const previous = before?.releases ?? [];
  const held =
    updates === undefined || updates === 'all' ? new Map() : holdPackages(before?.packages ?? [], updates);
  const architecture = debianArchitecture(platform);
  const source: PackageSource = {
    resolve: (packages) => resolvePackages({ ...archive, architecture, packages, now, previous, held }),
    fetch: (packages) => fetchPackages(packages, archive),
  };
  return kept === undefined
    ? source
    : keptSource(source, kept, { ...options, hasPackages: before?.kept !== undefined });
}
