import { constants } from 'node:fs';
import { hasErrno, numberedSystemCall } from './system-call.ts';

const openat2 = numberedSystemCall('openat2', 437, ['int', 'const char*', 'const void*', 'size_t']);

// include/uapi/linux/openat2.h, asm-generic/fcntl.h
const noMagicLinks = 0x02;
const noLinks = 0x04;
const beneath = 0x08;
const inRoot = 0x10;
const onlyPath = 0o10_000_000;
const closeOnExec = 0o2_000_000;
const maxAttempts = 1000;

/**
 * Opens a folder as a process would whose root is another one: neither links nor `..` lead out of that, whoever changes
 * them at the same time; openat2(2), Linux 5.6. It can't be read by itself, only what is in it through its descriptor,
 * which the caller closes.
 *
 * @param root descriptor of the folder that is the root
 * @param path its bytes, absolute or relative to the root
 * @throws RuntimeError SYSTEM_CALL_FAILED
 */
export function openFolderInRoot(root: number, path: Uint8Array): number {
  return open(root, path, inRoot | noMagicLinks);
}

/** Like {@link openFolderInRoot}, but a link at any place of the path is an error (ELOOP), as is `..` above the folder. */
export function openFolderBeneath(folder: number, path: Uint8Array): number {
  return open(folder, path, beneath | noLinks | noMagicLinks);
}

function open(folder: number, path: Uint8Array, resolve: number): number {
  const how = new BigUint64Array([
    BigInt(onlyPath | constants.O_DIRECTORY | closeOnExec),
    0n,
    BigInt(resolve),
  ]);
  const ended = Buffer.concat([path.length === 0 ? Buffer.from('.') : path, Buffer.alloc(1)]);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return openat2(folder, ended, new Uint8Array(how.buffer), how.byteLength);
    } catch (error) {
      // Something was renamed meanwhile, so that the kernel can't be sure where `..` leads.
      if (!hasErrno(error, 'EAGAIN') || attempt === maxAttempts) throw error;
    }
  }
}
