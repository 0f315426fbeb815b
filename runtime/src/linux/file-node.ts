import { systemCall } from './system-call.ts';

const mknod = systemCall('mknod', ['const char*', 'unsigned int', 'unsigned long']);
const utimensat = systemCall('utimensat', ['int', 'const char*', 'const void*', 'int']);

const currentFolder = -100;
const noFollow = 0x100;

/**
 * Makes a device or a named pipe; mknod(2). The mode has the type and the permissions; umask applies.
 *
 * @param device its major and minor number; [0, 0] for a pipe
 */
export function makeNode(path: Uint8Array, mode: number, [major, minor]: readonly [number, number]): void {
  // The C library's encoding of a device: 12 bits of major among 20 of minor (sys/sysmacros.h, makedev).
  const device = (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12);
  mknod(nulEnded(path), mode, device >>> 0);
}

/** Sets both times of a file, folder or link itself, exact to the nanosecond; utimensat(2). */
export function setFileTime(path: Uint8Array, seconds: number, nanoseconds: number): void {
  const times = Buffer.alloc(32);
  for (const at of [0, 16]) {
    times.writeBigInt64LE(BigInt(seconds), at);
    times.writeBigInt64LE(BigInt(nanoseconds), at + 8);
  }
  utimensat(currentFolder, nulEnded(path), times, noFollow);
}

function nulEnded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(1)]);
}
