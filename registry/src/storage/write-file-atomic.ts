import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** How the temporary names of unfinished writes begin; whoever owns a folder may remove old ones. */
export const temporaryPrefix = '.tmp-';

export type AtomicWriteOptions = {
  /** Permissions of the file; umask applies. */
  readonly mode?: number;
  /** A folder of the same file system for the temporary name; that of the file if absent. */
  readonly temporaryFolder?: string;
  /**
   * What a power loss must leave: the file (the default); the old or the new content or no file, of what can be made
   * again; or nothing, of what is removed at the end.
   */
  readonly durability?: 'file' | 'content' | 'nothing';
};

/**
 * Writes a file so that at every instant, also across a power loss, readers find the old content or the new
 * one: a temporary name, fsync, rename, fsync of the folder.
 */
export async function writeFileAtomic(
  path: string,
  content: Uint8Array | string | AsyncIterable<Uint8Array>,
  { mode = 0o644, temporaryFolder = dirname(path), durability = 'file' }: AtomicWriteOptions = {},
): Promise<void> {
  const temporary = join(
    temporaryFolder,
    `${temporaryPrefix}${basename(path).slice(0, 100)}-${randomBytes(6).toString('hex')}`,
  );
  const handle = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
  try {
    await writeAll(handle, content);
    if (durability !== 'nothing') await handle.sync();
    await handle.close();
    await rename(temporary, path);
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw error;
  }
  if (durability === 'file') await syncFolder(dirname(path));
}

/** Makes the names in a folder durable; without it a rename may be undone by a power loss. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeAll(
  handle: FileHandle,
  content: Uint8Array | string | AsyncIterable<Uint8Array>,
): Promise<void> {
  if (typeof content === 'string' || content instanceof Uint8Array) {
    await handle.writeFile(content);
    return;
  }
  for await (const chunk of content) {
    let written = 0;
    while (written < chunk.byteLength) {
      written += (await handle.write(chunk, written)).bytesWritten;
    }
  }
}
