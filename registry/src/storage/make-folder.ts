import { mkdirSync, statSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from './write-file-atomic.ts';

/*
 * Node's own `recursive` tries for ever where a file system says of a new name that there is no such file, as /proc
 * does.
 */

/** Makes a folder and those above it, for this user only unless told otherwise, and makes their names durable. */
export async function makeFolder(path: string, mode = 0o700): Promise<void> {
  try {
    await makeOne(path, mode);
  } catch (error) {
    if (!isParentMissing(error, path)) throw error;
    await makeFolder(dirname(path), mode);
    await makeOne(path, mode);
  }
}

/** Makes a folder and those above it, for this user only, for what need not outlast a power loss. */
export function makeFolderSync(path: string): void {
  try {
    makeOneSync(path);
  } catch (error) {
    if (!isParentMissing(error, path)) throw error;
    makeFolderSync(dirname(path));
    makeOneSync(path);
  }
}

async function makeOne(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (!isThere(error) || !(await stat(path)).isDirectory()) throw error;
    return;
  }
  await syncFolder(dirname(path));
}

function makeOneSync(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!isThere(error) || !statSync(path).isDirectory()) throw error;
  }
}

function isThere(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EEXIST';
}

function isParentMissing(error: unknown, path: string): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT' && dirname(path) !== path;
}
