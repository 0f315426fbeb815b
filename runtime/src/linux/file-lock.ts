import { hasErrno, systemCall } from './system-call.ts';

const flock = systemCall('flock', ['int', 'int']);
const exclusive = 2;
const nonBlocking = 4;

/**
 * Takes the exclusive lock of an open file or folder, without waiting; false if another process holds it. The
 * kernel gives it back when the last descriptor closes, so also when the process is killed; flock(2).
 */
export function tryLock(descriptor: number): boolean {
  try {
    flock(descriptor, exclusive | nonBlocking);
    return true;
  } catch (error) {
    if (hasErrno(error, 'EAGAIN', 'EWOULDBLOCK')) return false;
    throw error;
  }
}

/** Takes the exclusive lock of an open file or folder, and waits for it; only for what takes moments. */
export function waitForLock(descriptor: number): void {
  flock(descriptor, exclusive);
}
