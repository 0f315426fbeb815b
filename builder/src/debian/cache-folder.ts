import { BuilderError } from '../builder-error.ts';

const reasons: { readonly [code: string]: string } = {
  EACCES: 'permission denied',
  EDQUOT: 'your share of the disk is used up',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of the path is not a folder',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
};

/**
 * Runs something that writes to the cache and says what is wrong with the folder if it can't.
 *
 * @throws BuilderError CACHE_UNWRITABLE, or whatever the action throws
 */
export async function writingTo<Result>(cacheDir: string, action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    const reason = Object.hasOwn(reasons, code) ? reasons[code] : undefined;
    if (reason === undefined) throw cause;
    throw new BuilderError('CACHE_UNWRITABLE', `can't write to the cache folder ${cacheDir}: ${reason}`, {
      hint: 'free some space, or choose another cache folder',
      cause,
    });
  }
}
