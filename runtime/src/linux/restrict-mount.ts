import { mount, mountFlags } from './mount.ts';
import { hasErrno, numberedSystemCall } from './system-call.ts';

// include/uapi/linux/mount.h; the same number on every architecture.
const currentFolder = -100;
const attributeBytes = 32;

const mountSetattr = numberedSystemCall('mount_setattr', 442, [
  'int',
  'const char*',
  'unsigned int',
  'const void*',
  'size_t',
]);

/**
 * Gives a mount attributes besides those that it has, such as `noexec` of the file system that it shows: in a user
 * namespace the kernel refuses to take such a one away, as a remount would (mount_setattr(2); Linux 5.12).
 *
 * @param attributes a combination of `mountAttributes`
 */
export function restrictMount(target: string, attributes: number): void {
  const request = new BigUint64Array(attributeBytes / 8);
  request[0] = BigInt(attributes);
  try {
    mountSetattr(currentFolder, target, 0, new Uint8Array(request.buffer), attributeBytes);
  } catch (error) {
    if (!hasErrno(error, 'ENOSYS')) throw error;
    // The flags of mount(2) have the same bits.
    mount({ target, flags: mountFlags.bind | mountFlags.remount | attributes });
  }
}
