import { systemCall } from './system-call.ts';

/** A path as the bytes that the kernel knows; without a NUL. */
export type PathBytes = Uint8Array;

const lsetxattr = systemCall('lsetxattr', ['const char*', 'const char*', 'const void*', 'size_t', 'int']);
const lgetxattr = systemCall('lgetxattr', ['const char*', 'const char*', 'void*', 'size_t']);
const llistxattr = systemCall('llistxattr', ['const char*', 'void*', 'size_t']);

/** XATTR_SIZE_MAX and XATTR_LIST_MAX of Linux. */
const largest = 65_536;

/** Sets an extended attribute of a file, folder or link itself; lsetxattr(2). */
export function setXattr(path: PathBytes, name: PathBytes, value: Uint8Array): void {
  // An empty buffer may have no address.
  lsetxattr(nulEnded(path), nulEnded(name), value.length === 0 ? null : value, value.length, 0);
}

/** All extended attributes of a file, folder or link itself that this process may see, in no order. */
export function readXattrs(path: PathBytes): readonly (readonly [name: Buffer, value: Buffer])[] {
  const ended = nulEnded(path);
  if (llistxattr(ended, null, 0) === 0) return [];
  const names = Buffer.alloc(largest);
  const length = llistxattr(ended, names, names.length);
  const result: [Buffer, Buffer][] = [];
  for (let at = 0; at < length; ) {
    const end = names.indexOf(0, at) + 1;
    const name = names.subarray(at, end);
    const value = Buffer.alloc(largest);
    const size = lgetxattr(ended, name, value, value.length);
    result.push([Buffer.from(name.subarray(0, -1)), Buffer.from(value.subarray(0, size))]);
    at = end;
  }
  return result;
}

function nulEnded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(1)]);
}
