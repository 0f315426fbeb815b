import { randomBytes } from 'node:crypto';
import { link, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder, temporaryPrefix } from '@img/registry/storage/write-file-atomic';

/**
 * Writes a file that must not exist yet: whole or not at all, and of two calls at the same time one wins.
 *
 * @param mode permissions, whatever the umask is
 * @returns false if the file exists
 */
export async function writeNewFile(path: string, text: string, mode: number): Promise<boolean> {
  const temporary = `${dirname(path)}/${temporaryPrefix}${randomBytes(8).toString('hex')}`;
  const handle = await open(temporary, 'wx', mode);
  try {
    await handle.chmod(mode);
    await handle.writeFile(text);
    await handle.sync();
    // Unlike a rename, a link never replaces.
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await handle.close();
    await rm(temporary, { force: true });
  }
  await syncFolder(dirname(path));
  return true;
}
