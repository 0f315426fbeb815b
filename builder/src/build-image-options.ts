import type { ContentTarget } from '@img/registry/transfer/content';
import type { LayerCompression } from '@img/spec/media-types';
import type { Platform } from '@img/spec/platform';
import type { ProgressListener } from '@img/spec/progress';
import type { RepositoryName } from '@img/spec/repository-name';
import type { OpenBase } from './base/open-base.ts';
import type { OpenedKept } from './kept/kept-packages.ts';
import type { ImageLock } from './lock/image-lock.ts';
import type { ImageRecipe } from './recipe/image-recipe.ts';

export type BuildImageOptions = {
  readonly recipe: ImageRecipe;
  /** The folder that paths of the recipe are relative to. */
  readonly folder: string;
  /** Where the image goes; undefined to see what would be built. */
  readonly target: ContentTarget | undefined;
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
  /**
   * Opens the repository of an image, where there may be what was made of the packages that a lock names, and packages
   * that are kept; without it none are looked for.
   */
  readonly openKept?: ((name: RepositoryName) => OpenedKept) | undefined;
  /**
   * Whether layers of locked packages that are in the image's repository need not go to the target, because the image
   * goes to that repository, too.
   */
  readonly leavesLayers?: boolean;
  /** zstd if absent. */
  readonly compression?: LayerCompression;
  /** What an earlier build of the recipe chose. */
  readonly lock?: ImageLock | undefined;
  /** Refuses to build what the lock doesn't say. */
  readonly isLocked?: boolean;
  /**
   * Packages, or sources of packages, that are chosen anew, while the others stay as they are locked as far as that is
   * possible. With `all`, of the lock counts only that an archive must not be older than it was.
   */
  readonly updates?: 'all' | readonly string[] | undefined;
  /** Makes every layer again, also where the cache has it. */
  readonly isFresh?: boolean;
  /** Root of a Debian mirror, from the configuration; counts for Debian, and the recipe's counts more. */
  readonly mirror?: string | undefined;
  /** See `BuildContext`. */
  readonly sourceDateEpoch?: number | undefined;
  /** The time against which indexes are checked. */
  readonly now: Date;
  readonly onProgress?: ProgressListener | undefined;
  readonly signal?: AbortSignal | undefined;
};
