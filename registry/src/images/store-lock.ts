import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';

const sqliteBusy = 5;
const pauseMs = 5;

/**
 * Runs an action that no other process runs at the same time with the same file. The lock is SQLite's, which the
 * kernel gives back when its process ends, however it ends; nothing is ever written into the file.
 *
 * @param path of a file for this purpose alone, in a folder that is there
 */
export async function withStoreLock<T>(
  path: string,
  action: () => Promise<T>,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<T> {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    while (!isBegun(database)) await setTimeout(pauseMs, undefined, signal === undefined ? {} : { signal });
    return await action();
  } finally {
    database.close();
  }
}

function isBegun(database: DatabaseSync): boolean {
  try {
    database.exec('BEGIN IMMEDIATE');
    return true;
  } catch (error) {
    // The lower eight bits are the primary code (sqlite.org/rescode.html).
    if (((error as { errcode?: number }).errcode ?? 0) % 256 === sqliteBusy) return false;
    throw error;
  }
}
