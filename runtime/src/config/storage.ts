import { isAbsolute, resolve } from 'node:path';
import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';
import { parseByteSize } from './byte-size.ts';
import { isAtOrBelow, parseInsidePath } from './inside-path.ts';

/** A file or folder of the host that the app sees. */
export type BindMount = {
  readonly kind: 'bind';
  /** An absolute path on the host. */
  readonly source: string;
  readonly destination: string;
  readonly readOnly: boolean;
};

/** A folder in memory that begins with what the image has there and ends with the container. */
export type ScratchMount = {
  readonly kind: 'scratch';
  readonly destination: string;
  readonly sizeBytes: number;
  /** Permissions where the image has no such folder. */
  readonly mode: number;
  readonly canExecute: boolean;
};

export type PlannedMount = BindMount | ScratchMount;

const maxVolumes = 128;
const mebibyte = 1024 * 1024;

/** Size of a folder in memory for which nobody gave one. */
export const scratchBytes = 512 * mebibyte;

// Where programs expect to write on any system. Libraries that unpack code of theirs do it in /tmp.
const usual: readonly ScratchMount[] = [
  { kind: 'scratch', destination: '/tmp', sizeBytes: scratchBytes, mode: 0o1777, canExecute: true },
  { kind: 'scratch', destination: '/var/tmp', sizeBytes: scratchBytes, mode: 0o1777, canExecute: true },
  { kind: 'scratch', destination: '/run', sizeBytes: 64 * mebibyte, mode: 0o755, canExecute: false },
];

/**
 * What is mounted over an image's tree, parents before children: the caller's mounts, folders in memory for the
 * image's volumes, and the usual writable ones. A mount of the caller takes the place of any other at or below its
 * destination, so that nothing is hidden from the caller's own folder and nothing is made in it.
 *
 * @param volumes `Volumes` of the image config
 * @throws RuntimeError MOUNT_INVALID
 */
export function planStorage(
  volumes: readonly string[],
  mounts: readonly PlannedMount[],
): readonly PlannedMount[] {
  const asked = mounts.map((mount) => ({ ...mount, destination: parseDestination(mount.destination) }));
  for (const [index, { destination }] of asked.entries()) {
    if (asked.findIndex((mount) => mount.destination === destination) !== index) {
      throw new RuntimeError('MOUNT_INVALID', `two mounts have the destination ${quote(destination)}`);
    }
  }
  if (volumes.length > maxVolumes) {
    throw new RuntimeError(
      'MOUNT_INVALID',
      `the image has ${volumes.length} volumes, more than ${maxVolumes}`,
    );
  }
  const ofImage = volumes.map((volume): ScratchMount => {
    const destination = parseDestination(volume);
    return { kind: 'scratch', destination, sizeBytes: scratchBytes, mode: 0o755, canExecute: true };
  });
  const plan = new Map<string, PlannedMount>();
  // The usual ones last: a volume at /tmp is to look like any other /tmp.
  for (const mount of [...ofImage, ...usual]) {
    const isCovered = asked.some(({ destination }) => isAtOrBelow(mount.destination, destination));
    if (!isCovered) plan.set(mount.destination, mount);
  }
  for (const mount of asked) plan.set(mount.destination, mount);
  return [...plan.values()].sort((a, b) => depth(a.destination) - depth(b.destination));
}

/**
 * Reads `SOURCE:DESTINATION[:ro|rw]`.
 *
 * @param folder what a relative source is relative to
 * @throws RuntimeError MOUNT_INVALID
 */
export function parseBindMount(text: string, folder: string): BindMount {
  const [source = '', destination = '', mode = 'rw', ...rest] = text.split(':');
  const isPath = isAbsolute(source) || /^\.{1,2}(?:\/|$)/.test(source);
  if (!isPath || destination === '' || !['ro', 'rw'].includes(mode) || rest.length > 0) {
    throw new RuntimeError(
      'MOUNT_INVALID',
      `mount ${quote(text)} should be SOURCE:DESTINATION or SOURCE:DESTINATION:ro`,
      {
        hint: 'the source is a path on this host that begins with / or ./ and has no colon',
      },
    );
  }
  return {
    kind: 'bind',
    source: resolve(folder, source),
    destination: parseDestination(destination),
    readOnly: mode === 'ro',
  };
}

/**
 * Reads `DESTINATION[:size=SIZE][,mode=OCTAL][,exec|noexec]`.
 *
 * @throws RuntimeError MOUNT_INVALID, LIMIT_INVALID
 */
export function parseScratchMount(text: string): ScratchMount {
  const colon = text.indexOf(':');
  const options = colon < 0 ? [] : text.slice(colon + 1).split(',');
  const destination = parseDestination(colon < 0 ? text : text.slice(0, colon));
  let [sizeBytes, mode, canExecute] = [scratchBytes, 0o1777, false];
  for (const option of options) {
    const [key, value = ''] = option.split('=');
    if (key === 'size') sizeBytes = parseByteSize(value, 'size of a folder in memory');
    else if (key === 'mode' && /^[0-7]{3,4}$/.test(value)) mode = Number.parseInt(value, 8);
    else if (option === 'exec' || option === 'noexec') canExecute = option === 'exec';
    else {
      throw new RuntimeError(
        'MOUNT_INVALID',
        `option ${quote(option)} of the folder in memory ${quote(destination)} should be size=SIZE, mode=OCTAL, exec or noexec`,
      );
    }
  }
  return { kind: 'scratch', destination, sizeBytes, mode, canExecute };
}

function parseDestination(text: string): string {
  const path = parseInsidePath(text, 'mount destination', 'MOUNT_INVALID');
  if (path === '/' || ['/proc', '/sys', '/dev'].some((folder) => isAtOrBelow(path, folder))) {
    throw new RuntimeError(
      'MOUNT_INVALID',
      `mount destination ${quote(text)} is the root or in a file system of the kernel`,
    );
  }
  return path;
}

function depth(path: string): number {
  return path.split('/').length;
}
