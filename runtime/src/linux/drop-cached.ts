import { systemCall } from './system-call.ts';

const posixFadvise = systemCall('posix_fadvise', ['int', 'int64_t', 'int64_t', 'int']);
const dontNeed = 4;

/**
 * Asks the kernel to forget what it has of an open file in memory, so that what is read next comes from the disk;
 * posix_fadvise(2). Pages that somebody has mapped stay.
 */
export function dropCached(descriptor: number): void {
  posixFadvise(descriptor, 0n, 0n, dontNeed);
}
