import { lstatSync } from 'node:fs';
import { quote } from '@img/spec/quote';
import type { RuntimeDevice } from '@img/spec/runtime-config';
import { RuntimeError } from '../runtime-error.ts';

/**
 * What device files of the host are, for a container that is given the same.
 *
 * @throws RuntimeError INSECURE_INVALID for what is none
 */
export function hostDevices(paths: readonly string[]): readonly RuntimeDevice[] {
  return paths.map((path) => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    const type = stat?.isCharacterDevice() === true ? 'c' : stat?.isBlockDevice() === true ? 'b' : undefined;
    if (stat === undefined || type === undefined) {
      throw new RuntimeError(
        'INSECURE_INVALID',
        `${quote(path)} ${stat === undefined ? 'does not exist on this host' : 'is no device file'}`,
        { hint: 'links to devices are not followed: name the device itself' },
      );
    }
    const { uid, gid, mode, rdev } = stat;
    return { path, type, ...numbersOf(rdev), fileMode: mode & 0o777, uid, gid };
  });
}

// As the kernel packs them in 32 bits for user space (include/linux/kdev_t.h, new_encode_dev).
function numbersOf(rdev: number): { readonly major: number; readonly minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
}
