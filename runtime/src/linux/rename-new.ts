import { renameSync } from 'node:fs';
import { hasErrno, systemCall } from './system-call.ts';

const renameat2 = systemCall('renameat2', ['int', 'const char*', 'int', 'const char*', 'unsigned int']);
// AT_FDCWD: paths are relative to the current folder.
const currentFolder = -100;
const noReplace = 1;

/**
 * Renames a file or folder unless something has the name already; renameat2(2). Where the file system can't tell,
 * it is replaced.
 *
 * @returns whether it has the name now
 */
export function renameNew(from: string, to: string): boolean {
  try {
    renameat2(currentFolder, from, currentFolder, to, noReplace);
    return true;
  } catch (error) {
    if (hasErrno(error, 'EEXIST')) return false;
    if (!hasErrno(error, 'EINVAL', 'ENOSYS')) throw error;
    renameSync(from, to);
    return true;
  }
}
