import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ignoreMissing } from './ignore-missing.ts';

/** The sizes of a file, or of all files in a folder and below, together, in bytes; 0 if there is none. */
export async function storedBytes(path: string): Promise<number> {
  const found = await lstat(path).catch(ignoreMissing);
  if (found === undefined) return 0;
  if (!found.isDirectory()) return found.size;
  let sum = 0;
  for (const name of (await readdir(path).catch(ignoreMissing)) ?? [])
    sum += await storedBytes(join(path, name));
  return sum;
}
