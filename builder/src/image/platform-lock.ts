import type { ProgressListener } from '@img/spec/progress';
import { BuilderError } from '../builder-error.ts';
import type { LockedFile, PlatformLock } from '../lock/image-lock.ts';
import type { ImageLayer } from './layer-files.ts';
import type { Foundation } from './os-layers.ts';

/** What is locked of one platform. */
export function platformLockOf(
  { base, releases, layers }: Foundation,
  files: readonly ImageLayer[],
  hostFiles: readonly LockedFile[] | undefined,
): PlatformLock {
  return {
    ...(base === undefined ? {} : { base: base.digest }),
    ...(hostFiles === undefined ? {} : { files: hostFiles }),
    releases,
    packages: layers.map((layer) => layer.package),
    layers: files.map(({ diffId, digest, sizeBytes, packages }) => ({
      diffId,
      digest,
      size: sizeBytes,
      packages,
    })),
  };
}

/** With what is kept of the packages, if they are those that were locked. */
export function withKept(made: PlatformLock, locked: PlatformLock | undefined): PlatformLock {
  if (locked?.kept === undefined || !samePackages(made, locked)) return made;
  return { ...made, kept: locked.kept };
}

/**
 * Locked packages must give the locked layers: a digest never changes silently.
 *
 * @throws BuilderError LAYER_UNREPRODUCIBLE
 */
export function checkLayers(made: PlatformLock, locked: PlatformLock): void {
  if (!samePackages(made, locked)) return;
  const before = new Map(locked.layers.map((layer) => [layer.packages.join(), layer]));
  for (const { packages, digest, diffId } of made.layers) {
    const was = before.get(packages.join());
    if (was?.digest === digest && was.diffId === diffId) continue;
    const change = was === undefined ? 'is not in img.lock' : `is ${digest}, in img.lock it is ${was.digest}`;
    throw new BuilderError('LAYER_UNREPRODUCIBLE', `the layer of ${packages.join(', ')} ${change}`, {
      hint: 'another version of img or of its compressor made img.lock; delete it to take the layers of this one',
    });
  }
}

/** Whether both are of the same packages. */
export function samePackages(made: PlatformLock, locked: PlatformLock): boolean {
  const digests = ({ packages }: PlatformLock) => packages.map(({ digest }) => digest).join();
  return digests(made) === digests(locked);
}

export type CheckHostFilesOptions = {
  /** Whether nothing else may be taken than what is locked. */
  readonly isLocked: boolean;
  readonly onProgress?: ProgressListener | undefined;
};

/**
 * What is taken from this machine should be what is locked.
 *
 * @throws BuilderError LOCK_OUTDATED if it must be
 */
export function checkHostFiles(
  made: PlatformLock,
  locked: PlatformLock,
  { isLocked, onProgress }: CheckHostFilesOptions,
): void {
  const before = new Map((locked.files ?? []).map((file) => [file.path, file.digest]));
  const after = new Map((made.files ?? []).map((file) => [file.path, file.digest]));
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
    (path) => before.get(path) !== after.get(path),
  );
  if (changed.length === 0) return;
  const more = changed.length > 3 ? ` and ${changed.length - 3} more` : '';
  const text = `programs of this machine are others than in img.lock: ${changed.slice(0, 3).join(', ')}${more}`;
  if (isLocked) {
    throw new BuilderError('LOCK_OUTDATED', text, {
      hint: 'build on the machine that made the lock, or once without --locked, and look at what changes in img.lock',
    });
  }
  onProgress?.({ kind: 'note', text });
}
