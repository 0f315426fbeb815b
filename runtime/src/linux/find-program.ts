import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';

const systemFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/**
 * Where a program of the host is; undefined if it is not installed.
 *
 * @param path a PATH; the folders of the system are searched after it, because cron and sudo leave them out
 */
export function findProgram(name: string, path = ''): string | undefined {
  const folders = [...path.split(':').filter((folder) => folder.startsWith('/')), ...systemFolders];
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
