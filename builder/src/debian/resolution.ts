import type { Digest } from '@img/spec/digest';
import type { ProgressListener } from '@img/spec/progress';
import type { HeldPackages } from './held-packages.ts';
import type { DebianPackage } from './package.ts';
import type { DebianSystem } from './system.ts';

/** Where the bytes of archives come from; the same for resolving and for downloading. */
export type ArchiveOptions = {
  readonly system: DebianSystem;
  /** Root of a mirror of the system's archive to use instead of the machine's own, from the img.yaml. */
  readonly mirror?: string;
  /** Root of a mirror of Debian, from the configuration; of no use for other systems, and `mirror` counts more. */
  readonly debianMirror?: string;
  /** The machine's apt configuration, where the mirror is looked up if none is given; `/etc/apt` if absent. */
  readonly aptFolder?: string;
  /** Folder for indexes and packages; may be shared between processes, is created when missing. */
  readonly cacheDir: string;
  readonly onProgress?: ProgressListener;
  readonly signal?: AbortSignal;
};

export type ResolveOptions = ArchiveOptions & {
  /** Debian's name of the architecture, see `debianArchitecture`. */
  readonly architecture: string;
  /** Names as in `apt-get install`; a virtual package with one provider stands for that provider. */
  readonly packages: readonly string[];
  /** The time against which signatures, Date and Valid-Until are checked. */
  readonly now: Date;
  /** What a lock recorded: a suite whose Date is older now has been rolled back, which is refused. */
  readonly previous?: readonly ReleaseRecord[];
  /** Versions that stay unless something newer can't do with them, such as those of a lock; none if absent. */
  readonly held?: HeldPackages;
  /** Accepts indexes after their Valid-Until, with a note; for mirrors that are frozen on purpose. */
  readonly allowExpired?: boolean;
  /** Keeps the packages that only maintainer scripts need, see `script-only.ts`. */
  readonly keepScriptOnly?: boolean;
};

/** What a resolution was based on, for the lock. Names no mirror: the signature counts, not where it came from. */
export type ReleaseRecord = {
  readonly suite: string;
  /** Date of the index, `2026-11-21T00:53:02Z`. */
  readonly date: string;
  /** Digest of the InRelease file. */
  readonly digest: Digest;
  /** Upper-case hex fingerprint of the primary key whose signature was accepted. */
  readonly keyFingerprint: string;
};

export type Resolution = {
  readonly releases: readonly ReleaseRecord[];
  /** What the image gets, sorted by name. */
  readonly packages: readonly DebianPackage[];
  /** What apt would have installed too, but only maintainer scripts need; sorted. */
  readonly dropped: readonly string[];
};

export type FetchPackagesOptions = ArchiveOptions & {
  /** Downloads at the same time; 6 if absent. */
  readonly concurrency?: number;
};
