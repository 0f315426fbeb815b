import type { ArchiveKey } from './archive-key.ts';

/**
 * What `os:` of an img.yaml stands for: the suites that packages are taken from. Made by `debianSystem` for the
 * names that are built in (`debian:13`) and by `customSystem` for an archive that the user describes.
 */
export type DebianSystem = {
  /** How messages name it, for example `debian:13`. */
  readonly name: string;
  /** In order of preference among equal versions. All are required: one that can't be read is an error. */
  readonly suites: readonly SuiteChoice[];
};

/** One suite of a system: what is asked of an archive and whom its index must be signed by. */
export type SuiteChoice = {
  /** Folder below `dists/`, for example `trixie-security`; the Release file must have it as Codename or Suite. */
  readonly suite: string;
  readonly components: readonly string[];
  /** `debian` for the main archive, `debian-security` for the security archive, `custom` for the user's own. */
  readonly archive: 'debian' | 'debian-security' | 'custom';
  /** Roots of the archive, the first that has the suite is used; empty where the machine's sources decide. */
  readonly mirrors: readonly string[];
  /** One valid signature by any of them is required. */
  readonly keys: readonly ArchiveKey[];
};
