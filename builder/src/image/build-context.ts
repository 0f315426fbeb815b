import type { ContentTarget } from '@img/registry/transfer/content';
import type { LayerCompression } from '@img/spec/media-types';
import type { ProgressListener } from '@img/spec/progress';
import type { OpenBase } from '../base/open-base.ts';
import type { LayerCache } from '../layers/layer-cache.ts';

/** What a build works with besides the recipe, the same for all its platforms. */
export type BuildContext = {
  /** The folder that paths of the recipe are relative to. */
  readonly folder: string;
  readonly cache: LayerCache;
  /** Finds images that others are built upon. */
  readonly openBase: OpenBase;
  /** Root of the registry of npm packages. */
  readonly npmRegistry: string;
  /** Root of an index of Python packages; undefined for the one that requirements.txt names, or the usual one. */
  readonly pythonIndex: string | undefined;
  /** Where the image goes; undefined to see what would be built. */
  readonly target: ContentTarget | undefined;
  readonly compression: LayerCompression;
  /**
   * Time of the image and of its own files in seconds since 1970 (reproducible-builds.org); if absent, files
   * have the time 0 and the image that of its newest package. Packages' layers never depend on it, since images
   * share them.
   */
  readonly sourceDateEpoch: number | undefined;
  readonly onProgress?: ProgressListener | undefined;
  readonly signal?: AbortSignal | undefined;
};
