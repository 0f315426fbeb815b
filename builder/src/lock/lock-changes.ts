import type { Digest } from '@img/spec/digest';
import type { DebianPackage } from '../debian/package.ts';
import type { ImageLock, PlatformLock } from './image-lock.ts';

/** A package of one platform that is not what it was. */
export type PackageChange = {
  /** `linux/amd64` */
  readonly platform: string;
  readonly name: string;
  /** Undefined if it is new. */
  readonly before: DebianPackage | undefined;
  /** Undefined if it is gone. */
  readonly after: DebianPackage | undefined;
};

/** What an image with the new lock moves that one with the old lock didn't. */
export type LockChanges = {
  /** By platform, then by name. */
  readonly packages: readonly PackageChange[];
  /** Size of all layers of packages, compressed. */
  readonly layerBytes: number;
  /** Size of those among them that are new. */
  readonly newLayerBytes: number;
};

/**
 * Whether a package comes from where its system publishes security fixes before anything else. It is all that an
 * archive's index says of them: no advisory is named there, and a fix that has gone into the release itself since then
 * is a package of that.
 */
export function isSecurityFix({ before, after }: PackageChange): boolean {
  return before !== undefined && after !== undefined && /-security$|\/updates$/.test(after.suite);
}

export function lockChanges(before: ImageLock | undefined, after: ImageLock): LockChanges {
  const layers = layersOf(after);
  const known = before === undefined ? new Map<Digest, number>() : layersOf(before);
  const added = [...layers].filter(([digest]) => !known.has(digest));
  return {
    packages: [...after.platforms].flatMap(([platform, lock]) => {
      return packageChanges(platform, before?.platforms.get(platform), lock);
    }),
    layerBytes: sum(layers.values()),
    newLayerBytes: sum(added.map(([, size]) => size)),
  };
}

function packageChanges(
  platform: string,
  before: PlatformLock | undefined,
  after: PlatformLock,
): readonly PackageChange[] {
  const old = new Map(before?.packages.map((each) => [each.name, each]));
  const now = new Map(after.packages.map((each) => [each.name, each]));
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  return names
    .filter((name) => old.get(name)?.digest !== now.get(name)?.digest)
    .map((name) => ({ platform, name, before: old.get(name), after: now.get(name) }));
}

function layersOf({ platforms }: ImageLock): ReadonlyMap<Digest, number> {
  return new Map(
    [...platforms.values()].flatMap(({ layers }) => layers.map(({ digest, size }) => [digest, size])),
  );
}

function sum(sizes: Iterable<number>): number {
  return [...sizes].reduce((total, size) => total + size, 0);
}
