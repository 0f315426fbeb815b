import { closeSync, constants, openSync } from 'node:fs';
import { RuntimeError } from '../runtime-error.ts';
import { waitForLock } from './file-lock.ts';
import { hasErrno, systemCall } from './system-call.ts';

// include/uapi/linux/loop.h
const getFree = 0x4c82;
const configure = 0x4c0a;
const readOnly = 1;
const autoClear = 4;

/** What a file has behind its last whole sector is not in the device. */
const sectorBytes = 512;
/** Others can take a free device first, but not for ever. */
const maxTries = 100;

const controlCall = systemCall('ioctl', ['int', 'unsigned long', 'long']);
const configureCall = systemCall('ioctl', ['int', 'unsigned long', 'const void*']);

/**
 * Makes a read-only block device of an open file (Linux 5.8). Once nothing has it open or mounted any more, also
 * because everybody was killed, the kernel takes it back.
 *
 * @returns a descriptor of the device, which the caller closes once something else holds it
 * @throws RuntimeError SYSTEM_CALL_FAILED
 */
export function openLoopDevice(file: number): number {
  const control = openDevice('/dev/loop-control', constants.O_RDWR);
  try {
    // So that starts at the same time don't all go for the same free device.
    waitForLock(control);
    for (let tries = 1; ; tries += 1) {
      const device = openDevice(`/dev/loop${controlCall(control, getFree, 0)}`, constants.O_RDONLY);
      try {
        configureCall(device, configure, configOf(file));
        return device;
      } catch (error) {
        closeSync(device);
        if (tries === maxTries || !hasErrno(error, 'EBUSY')) throw error;
      }
    }
  } finally {
    closeSync(control);
  }
}

// struct loop_config, which is 76 words of the machine's own byte order, and all zeros but for three.
function configOf(file: number): Uint8Array {
  const config = new Uint32Array(76);
  config[0] = file;
  config[1] = sectorBytes;
  config[15] = readOnly | autoClear;
  return new Uint8Array(config.buffer);
}

function openDevice(path: string, flags: number): number {
  try {
    return openSync(path, flags);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new RuntimeError('SYSTEM_CALL_FAILED', `${path} can not be opened: ${code}`, { cause });
  }
}
