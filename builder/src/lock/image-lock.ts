import type { Digest } from '@img/spec/digest';
import type { DebianPackage } from '../debian/package.ts';
import type { ReleaseRecord } from '../debian/resolution.ts';

/**
 * What an img.lock says: for each platform the packages that a recipe's wishes became, and the layers that these
 * became. It names no mirror, so that it is the same wherever it was made.
 */
export type ImageLock = {
  /** Rules by which packages become layers. */
  readonly profile: string;
  /** What was asked for; if the recipe asks for something else, the lock doesn't hold any more. */
  readonly request: LockRequest;
  /** By platform, `linux/amd64`. */
  readonly platforms: ReadonlyMap<string, PlatformLock>;
};

export type LockRequest = {
  /**
   * `debian:13`, the suites, components and digest of the keyring of an archive of the user's own, or `from` and
   * the name of an image.
   */
  readonly os: string;
  /** Sorted. */
  readonly packages: readonly string[];
};

export type PlatformLock = {
  /** Digest of the manifest of the image that this one is built upon, where it is built upon one. */
  readonly base?: Digest | undefined;
  /** What was taken from the machine that built, sorted by path; absent if nothing was. */
  readonly files?: readonly LockedFile[] | undefined;
  /** The signed indexes that the packages were chosen from. */
  readonly releases: readonly ReleaseRecord[];
  /** Sorted by name. */
  readonly packages: readonly DebianPackage[];
  /**
   * What is known of the packages and their layers, see `PackageRecords`: a blob beside the image. Where a registry has
   * it and the layers, nothing of a package is needed to build. Absent if there is no package, or an earlier version
   * made the lock.
   */
  readonly records?: LockedBlob | undefined;
  /** Digest of the artifact beside the image that the packages are kept in; absent if they are not. */
  readonly kept?: Digest | undefined;
  /** The layers of the packages, lowest first. */
  readonly layers: readonly LockedLayer[];
};

export type LockedBlob = { readonly digest: Digest; readonly size: number };

/** A file of the machine that built. */
export type LockedFile = {
  /** Absolute. */
  readonly path: string;
  readonly digest: Digest;
  /** The package that it belongs to there, as `name=version`. */
  readonly package?: string | undefined;
};

export type LockedLayer = {
  readonly diffId: Digest;
  /** Digest of the layer compressed with zstd, also where an image has it compressed in another way. */
  readonly digest: Digest;
  readonly size: number;
  /** Names of the packages that it holds. */
  readonly packages: readonly string[];
};
