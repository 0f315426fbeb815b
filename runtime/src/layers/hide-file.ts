import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@img/registry/storage/make-folder';

const trashName = 'trash';

/** Where a folder of the store keeps what the garbage collector has hidden and not yet removed. */
export function hiddenPath(folder: string, name: string): string {
  return join(folder, trashName, name);
}

/** Takes a file or folder out of sight; no error if it is gone. */
export async function hideFile(folder: string, name: string): Promise<void> {
  await makeFolder(join(folder, trashName));
  await rename(join(folder, name), hiddenPath(folder, name)).catch(ignoreGone);
}

/** Undoes {@link hideFile}; what has come into its place in the meantime is as good, and stays if it is a folder. */
export async function showFile(folder: string, name: string): Promise<void> {
  await rename(hiddenPath(folder, name), join(folder, name)).catch(ignoreGone);
}

export async function listHidden(folder: string): Promise<readonly string[]> {
  return (await readdir(join(folder, trashName)).catch(ignoreGone)) ?? [];
}

function ignoreGone(error: unknown): undefined {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTEMPTY' || code === 'EEXIST') return undefined;
  throw error;
}
