import { randomBytes } from 'node:crypto';
import { constants, lstatSync } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@img/registry/storage/make-folder';
import { syncFolder } from '@img/registry/storage/write-file-atomic';
import { tryLock } from '../linux/file-lock.ts';
import { renameNew } from '../linux/rename-new.ts';
import { syncFileSystem } from '../linux/sync-file-system.ts';

/** How the names of what is not finished begin. */
const temporaryPrefix = '.tmp-';

/**
 * A file or folder of the store that is being made: under a temporary name and locked, so that `sweepTemporaries`
 * can tell the work of a killed process from work that goes on. Gone at the end of its scope unless it was
 * committed.
 */
export class Temporary {
  readonly path: string;
  /** Open for writing for a file; for a folder it only holds the lock. */
  readonly handle: FileHandle;
  readonly #folder: string;
  readonly #kind: 'file' | 'folder';
  #isCommitted = false;

  private constructor(folder: string, path: string, handle: FileHandle, kind: 'file' | 'folder') {
    this.#folder = folder;
    this.path = path;
    this.handle = handle;
    this.#kind = kind;
  }

  static async file(folder: string): Promise<Temporary> {
    await makeFolder(folder);
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    return Temporary.#locked(folder, 'file', (path) => open(path, flags, 0o600));
  }

  static async folder(folder: string): Promise<Temporary> {
    await makeFolder(folder);
    return Temporary.#locked(folder, 'folder', async (path) => {
      await mkdir(path, { mode: 0o700 });
      return open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    });
  }

  // A sweep may come between making and locking; then there is another try with another name.
  static async #locked(
    folder: string,
    kind: 'file' | 'folder',
    make: (path: string) => Promise<FileHandle>,
  ): Promise<Temporary> {
    for (;;) {
      const path = join(folder, `${temporaryPrefix}${randomBytes(8).toString('hex')}`);
      const handle = await make(path).catch((error: unknown) => ignoreMissing(error));
      if (handle === undefined) continue;
      if (tryLock(handle.fd) && (await isAt(path, handle))) return new Temporary(folder, path, handle, kind);
      await handle.close();
    }
  }

  /** Makes the content durable and gives it its name; what was there before is replaced. */
  async commit(name: string): Promise<void> {
    await this.#sync();
    await rename(this.path, join(this.#folder, name));
    this.#isCommitted = true;
    await syncFolder(this.#folder);
  }

  /**
   * Like {@link commit}, but leaves what has the name already: another process may have made the same, has checked
   * it, and is about to use it.
   *
   * @returns whether this one has the name now
   */
  async commitNew(name: string): Promise<boolean> {
    await this.#sync();
    this.#isCommitted = renameNew(this.path, join(this.#folder, name));
    if (this.#isCommitted) await syncFolder(this.#folder);
    return this.#isCommitted;
  }

  async #sync(): Promise<void> {
    // A folder's own sync says nothing of the files in it.
    if (this.#kind === 'folder') syncFileSystem(this.handle.fd);
    else await this.handle.sync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isCommitted) await rm(this.path, { recursive: true, force: true });
    await this.handle.close();
  }
}

/**
 * Removes what killed processes were making in a folder; what others are making now is left alone.
 *
 * @param isLeftover further names that count as unfinished; asked again once nobody can be making it
 * @returns the names that were removed
 */
export async function sweepTemporaries(
  folder: string,
  isLeftover: (name: string) => boolean = () => false,
): Promise<readonly string[]> {
  const names = await readdir(folder).catch((error: unknown) => ignoreMissing(error));
  const swept: string[] = [];
  const isUnfinished = (name: string) => name.startsWith(temporaryPrefix) || isLeftover(name);
  for (const name of (names ?? []).filter(isUnfinished)) {
    const path = join(folder, name);
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const handle = await open(path, flags).catch((error: unknown) => ignoreMissing(error));
    if (handle === undefined) continue;
    try {
      if (!tryLock(handle.fd) || !isUnfinished(name)) continue;
      await rm(path, { recursive: true, force: true });
      swept.push(name);
    } finally {
      await handle.close();
    }
  }
  return swept;
}

async function isAt(path: string, handle: FileHandle): Promise<boolean> {
  const held = await handle.stat({ bigint: true });
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return found !== undefined && found.ino === held.ino && found.dev === held.dev;
}

function ignoreMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw error;
}
