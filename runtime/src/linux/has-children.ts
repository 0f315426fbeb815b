import { hasErrno, systemCall } from './system-call.ts';

// waitid(2), include/uapi/linux/wait.h
const all = 0;
const noHang = 1;
const exited = 4;
const noWait = 0x0100_0000;
const signalInfoBytes = 128;

const waitid = systemCall('waitid', ['int', 'uint', 'void*', 'int']);

/**
 * Whether this process has child processes, whoever started them: a shell that executes a program in its own place
 * passes on its background jobs.
 */
export function hasChildren(): boolean {
  try {
    waitid(all, 0, new Uint8Array(signalInfoBytes), exited | noHang | noWait);
    return true;
  } catch (error) {
    if (hasErrno(error, 'ECHILD')) return false;
    throw error;
  }
}
