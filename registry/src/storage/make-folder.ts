import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from './write-file-atomic.ts';

/** Makes a folder and those above it, for this user only, and makes their names durable. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = path; ; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === first) return;
  }
}
