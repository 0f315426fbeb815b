import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readBootId } from '../state/process-identity.ts';

/**
 * What was checked since the machine started, so that the next start of an app need not check it again. A stamp
 * holds what tells whether the thing is still as it was, and counts until the next boot only: what happens to a
 * disk while the machine is off, no file time shows.
 *
 * The folder must be one that only the owner of the store can write, best on a tmpfs.
 */
export class Stamps {
  readonly #folder: string;
  #bootId: string | undefined;

  /** @param folder is created with the first stamp */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Whether there is a stamp of this boot that says exactly this; the order of keys counts. */
  async has(name: string, value: object): Promise<boolean> {
    return (await this.#read(name)) === this.#encode(value);
  }

  async set(name: string, value: object): Promise<void> {
    const path = join(this.#folder, `${name}.json`);
    const temporary = join(this.#folder, `.${name}-${randomBytes(6).toString('hex')}`);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    // Without fsync: a stamp that is lost costs a check, and none survives a power loss anyway.
    await writeFile(temporary, this.#encode(value), { mode: 0o600, flag: 'wx' });
    await rename(temporary, path);
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.#folder, `${name}.json`), { force: true });
  }

  async #read(name: string): Promise<string | undefined> {
    try {
      return await readFile(join(this.#folder, `${name}.json`), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  #encode(value: object): string {
    return JSON.stringify({ boot: this.#boot(), value });
  }

  #boot(): string {
    this.#bootId ??= readBootId();
    return this.#bootId;
  }
}
