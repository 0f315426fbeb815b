import type { Platform } from '@img/spec/platform';
import type { ProgressListener } from '@img/spec/progress';
import type { ImageTree } from '../image/image-tree.ts';
import type { LayerDraft } from '../image/layer-draft.ts';
import type { AppRule, RunRule } from '../recipe/image-recipe.ts';

/** What an app is made of, and how it is started if the recipe doesn't say. */
export type AppPlan = {
  /** What changes least often first, the app's own code last. */
  readonly layers: readonly AppLayer[];
  readonly start: AppStart;
};

export type AppLayer = {
  /** What is in it, for the history. */
  readonly what: string;
  readonly add: (draft: LayerDraft) => void;
};

/** What the recipe doesn't say. */
export type AppStart = {
  readonly cmd: readonly string[];
  /** Variables; `PATH` takes the folders that it has otherwise at its end. */
  readonly env: ReadonlyMap<string, string>;
  /** Absolute. */
  readonly workingDir?: string;
};

export const noStart: AppStart = { cmd: [], env: new Map() };

/** What plans are made with. */
export type AppContext = {
  readonly rule: AppRule;
  readonly run: RunRule;
  /** The folder of the img.yaml. */
  readonly folder: string;
  readonly platform: Platform;
  /** What the app is laid upon; only looked at. */
  readonly tree: ImageTree;
  /** A folder for what is downloaded and made; may be removed at any time. */
  readonly cacheFolder: string;
  /** Root of the registry of npm packages. */
  readonly npmRegistry: string;
  /** Root of the index of Python packages; undefined for the one that requirements.txt names, or the usual one. */
  readonly pythonIndex: string | undefined;
  /** The version of a Debian package of the image; undefined if it has none of that name. */
  readonly versionOf: (name: string) => string | undefined;
  /** What has to live until the layers are written. */
  readonly resources: AsyncDisposableStack;
  readonly onProgress?: ProgressListener | undefined;
  readonly signal?: AbortSignal | undefined;
};
