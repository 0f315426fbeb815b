import type { ContentTarget } from '@img/registry/transfer/content';
import type { BuildImageOptions } from './build-image-options.ts';
import { lockPlatform } from './image/lock-platform.ts';
import { prepareBuild } from './image/prepare-build.ts';
import type { ImageLock, PlatformLock } from './lock/image-lock.ts';

export type LockImageOptions = Omit<BuildImageOptions, 'target'> & {
  /** The repository that the packages are to be kept in, see `keepPackages`. */
  readonly keepIn?: ContentTarget | undefined;
};

/**
 * Chooses the packages of an image and makes their layers, as a build does, for its lock; undefined if there is
 * nothing to lock.
 *
 * @throws BuilderError
 */
export async function lockImage({ keepIn, ...options }: LockImageOptions): Promise<ImageLock | undefined> {
  const { platforms, lockOf } = await prepareBuild({ ...options, target: undefined });
  const made: PlatformLock[] = [];
  for (const platform of platforms) made.push(await lockPlatform(options.recipe, { ...platform, keepIn }));
  return lockOf(made);
}
