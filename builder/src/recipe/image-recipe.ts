import type { Platform } from '@img/spec/platform';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';

/** What an img.yaml says, checked; made by `parseRecipe`. Paths are as written, not yet looked up. */
export type ImageRecipe = {
  readonly name: RepositoryName;
  readonly version: Tag;
  readonly os: OsChoice;
  /** Names of Debian packages; sorted, each once. */
  readonly packages: readonly string[];
  /** Programs of the machine that builds; absolute paths, each once. */
  readonly binaries: readonly string[];
  readonly files: readonly FileRule[];
  readonly app: AppRule | undefined;
  readonly run: RunRule;
  /** Of the manifest, beside those that every image gets. */
  readonly annotations: ReadonlyMap<string, string>;
  /** Empty for the machine that builds. */
  readonly platforms: readonly Platform[];
};

/** What an image is built upon, and where packages come from. */
export type OsChoice =
  | { readonly kind: 'scratch' }
  /** Another image, under the name that the recipe has for it; it can't be given packages. */
  | { readonly kind: 'image'; readonly from: string }
  /** A system that is built in, for example `debian:13`, and a mirror to take it from instead of the usual one. */
  | { readonly kind: 'named'; readonly name: string; readonly mirror?: string }
  /** An archive that is trusted through keys of the user's own. */
  | {
      readonly kind: 'archive';
      readonly mirror: string;
      readonly suites: readonly string[];
      readonly components: readonly string[];
      /** File of the keys, relative to the img.yaml. */
      readonly keyring: string;
    };

/** One entry of `files:`. */
export type FileRule = {
  /** Relative to the img.yaml, below its folder. */
  readonly from: string;
  readonly to: ImagePath;
  /** Permission bits of the files; undefined for what the file's own executable bit says. */
  readonly mode: number | undefined;
  readonly owner: OwnerChoice;
};

/** What `app:` says, by its key. */
export type AppKind = 'python' | 'node' | 'go' | 'jar' | 'files';

export type AppRule = {
  readonly kind: AppKind;
  readonly from: string;
  readonly to: ImagePath;
};

/** A place in the image. */
export type ImagePath = {
  /** Without the leading slash, normalised; empty for the root. */
  readonly path: string;
  /** Whether it was written with a slash at its end, so that a file goes into it instead of replacing it. */
  readonly isFolder: boolean;
};

/** User and group, each a name or a number as text; the group is the user's own if absent. */
export type OwnerChoice = { readonly user: string; readonly group: string | undefined };

export type RunRule = {
  readonly cmd: readonly string[];
  readonly entrypoint: readonly string[];
  readonly user: OwnerChoice | undefined;
  readonly env: ReadonlyMap<string, string>;
  /** Absolute; empty if the recipe says nothing. */
  readonly workingDir: string;
  /** `8080/tcp` each. */
  readonly ports: readonly string[];
  readonly stopSignal: string | undefined;
  readonly labels: ReadonlyMap<string, string>;
};
