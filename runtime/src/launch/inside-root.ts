import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs';
import { quote } from '@img/spec/quote';
import { RuntimeError, type RuntimeErrorCode } from '../runtime-error.ts';

/** What a path inside an image leads to. */
export type InsidePath = {
  /** Absolute inside the image, without symbolic links as far as it exists. */
  readonly path: string;
  /** Undefined if nothing is there. */
  readonly stat: Stats | undefined;
};

// As in the kernel (path_resolution(7)).
const maxLinks = 40;

/**
 * Follows a path as a process inside the image would, whose links can't lead out of it. For trees that nobody
 * changes meanwhile.
 *
 * @param root where the image is mounted
 * @param path absolute inside the image
 * @throws RuntimeError MOUNT_INVALID for too many links, and for a path through something that is no folder
 */
export function resolveInside(root: string, path: string): InsidePath {
  const pending = path.split('/').reverse();
  let [inside, links] = ['', 0];
  let stat: Stats | undefined = lstatSync(root);
  while (pending.length > 0) {
    const name = pending.pop() ?? '';
    if (name === '' || name === '.') continue;
    if (name === '..') {
      inside = inside.slice(0, Math.max(0, inside.lastIndexOf('/')));
      stat = lstatSync(`${root}${inside}`, { throwIfNoEntry: false });
      continue;
    }
    if (stat !== undefined && !stat.isDirectory()) throw notAFolder(path, inside);
    const next = `${inside}/${name}`;
    stat = lstatSync(`${root}${next}`, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink() !== true) {
      inside = next;
      continue;
    }
    links += 1;
    if (links > maxLinks) {
      throw new RuntimeError(
        'MOUNT_INVALID',
        `${quote(path)} in the image leads through more than ${maxLinks} links`,
      );
    }
    const target = readlinkSync(`${root}${next}`);
    pending.push(...target.split('/').reverse());
    if (target.startsWith('/')) inside = '';
    stat = lstatSync(`${root}${inside}`);
  }
  return { path: inside === '' ? '/' : inside, stat };
}

/**
 * Reads a small file of the image.
 *
 * @param code of the error for what is no regular file or too long
 * @returns undefined if nothing is there
 */
export function readInside(
  root: string,
  path: string,
  maxBytes: number,
  code: RuntimeErrorCode,
): Uint8Array | undefined {
  const found = resolveInside(root, path);
  if (found.stat === undefined) return undefined;
  if (!found.stat.isFile()) throw new RuntimeError(code, `${quote(path)} of the image is no regular file`);
  const file = openSync(
    `${root}${found.path}`,
    constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
  );
  try {
    const { size } = fstatSync(file);
    if (size > maxBytes) {
      throw new RuntimeError(
        code,
        `${quote(path)} of the image has ${size} bytes, more than the ${maxBytes} allowed`,
      );
    }
    const bytes = new Uint8Array(size);
    return bytes.subarray(0, readSync(file, bytes));
  } finally {
    closeSync(file);
  }
}

function notAFolder(path: string, inside: string): RuntimeError {
  return new RuntimeError(
    'MOUNT_INVALID',
    `${quote(path)} leads through ${quote(inside)} of the image, which is no folder`,
  );
}
