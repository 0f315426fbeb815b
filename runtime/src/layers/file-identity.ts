import { type BigIntStats, closeSync, constants, fstatSync, openSync } from 'node:fs';
import { RuntimeError, type RuntimeErrorCode } from '../runtime-error.ts';

/**
 * What the kernel says of a file that was not touched: whoever writes to it changes at least ctime, which no
 * program can set. Numbers as decimal text, because they may pass 2^53.
 */
export type FileIdentity = {
  readonly device: string;
  readonly inode: string;
  readonly size: string;
  readonly ctimeNanoseconds: string;
  readonly mtimeNanoseconds: string;
};

/** A file whose content was checked while it had this identity. */
export type CheckedFile = {
  readonly path: string;
  readonly identity: FileIdentity;
};

export function fileIdentity(stats: BigIntStats): FileIdentity {
  return {
    device: String(stats.dev),
    inode: String(stats.ino),
    size: String(stats.size),
    ctimeNanoseconds: String(stats.ctimeNs),
    mtimeNanoseconds: String(stats.mtimeNs),
  };
}

export function isSameIdentity(a: FileIdentity, b: FileIdentity): boolean {
  return (
    a.device === b.device &&
    a.inode === b.inode &&
    a.size === b.size &&
    a.ctimeNanoseconds === b.ctimeNanoseconds &&
    a.mtimeNanoseconds === b.mtimeNanoseconds
  );
}

/** How files of the store are opened: never through a link, nor waiting for a pipe; nothing of ours makes them there. */
export const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Opens a file that was checked, if it is still the same one; the caller closes the descriptor.
 *
 * @throws RuntimeError with the code given, if it was touched since
 */
export function openChecked({ path, identity }: CheckedFile, code: RuntimeErrorCode): number {
  const changed = (cause?: unknown) =>
    new RuntimeError(code, `${path} was changed after it was checked`, { hint: 'try again', cause });
  let descriptor: number;
  try {
    descriptor = openSync(path, readFlags);
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code;
    throw errno === 'ENOENT' || errno === 'ELOOP' ? changed(error) : error;
  }
  if (isSameIdentity(fileIdentity(fstatSync(descriptor, { bigint: true })), identity)) return descriptor;
  closeSync(descriptor);
  throw changed();
}
