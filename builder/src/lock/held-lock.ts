import { BuilderError } from '../builder-error.ts';
import type { ImageLock, LockRequest } from './image-lock.ts';

export type HeldLockOptions = {
  /** Rules by which packages become layers now. */
  readonly profile: string;
  readonly request: LockRequest;
  /** Platforms that are built, `linux/amd64` each. */
  readonly platforms: readonly string[];
  /** Whether what the lock doesn't say is refused. */
  readonly isLocked: boolean;
  /** Is told in words for people why the lock does not hold. */
  readonly onChange: (text: string) => void;
};

/**
 * The lock, if it holds for what is asked for; of its platforms some may be missing.
 *
 * @throws BuilderError LOCK_OUTDATED if it doesn't hold and must
 */
export function heldLock(
  lock: ImageLock | undefined,
  { profile, request, platforms, isLocked, onChange }: HeldLockOptions,
): ImageLock | undefined {
  if (lock === undefined) {
    if (isLocked) throw outdated('there is no img.lock');
    return undefined;
  }
  const changes = [...profileChanges(lock, profile), ...requestChanges(lock.request, request)];
  const missing = platforms.filter((name) => !lock.platforms.has(name));
  const added = missing.length === 0 ? [] : [`platforms has ${missing.join(', ')} in addition`];
  const all = [...changes, ...added].join('; ');
  if (all === '') return lock;
  if (isLocked) throw outdated(`img.lock does not fit img.yaml: ${all}`);
  onChange(`img.lock is made anew: ${all}`);
  return changes.length === 0 ? lock : undefined;
}

function profileChanges(lock: ImageLock, profile: string): readonly string[] {
  return lock.profile === profile ? [] : [`layers are made by ${profile} instead of ${lock.profile}`];
}

function requestChanges(before: LockRequest, after: LockRequest): readonly string[] {
  const added = after.packages.filter((name) => !before.packages.includes(name));
  const removed = before.packages.filter((name) => !after.packages.includes(name));
  return [
    ...(before.os === after.os ? [] : [`os is ${after.os} instead of ${before.os}`]),
    ...(added.length === 0 ? [] : [`packages has ${added.join(', ')} in addition`]),
    ...(removed.length === 0 ? [] : [`packages has no ${removed.join(', ')} any more`]),
  ];
}

function outdated(problem: string): BuilderError {
  return new BuilderError('LOCK_OUTDATED', problem, {
    hint: 'build once without --locked, look at what changes in img.lock, and commit it',
  });
}
