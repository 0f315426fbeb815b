import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    // Neither synced nor renamed into place: a stamp that is lost or cut short only costs a check.
    await writeFile(this.#path(name), this.#encode(value), { mode: 0o600 });
  }

  async remove(name: string): Promise<void> {
    await rm(this.#path(name), { force: true });
  }

  async #read(name: string): Promise<string | undefined> {
    try {
      return await readFile(this.#path(name), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  #path(name: string): string {
    return join(this.#folder, `${name}.json`);
  }

  #encode(value: object): string {
    return JSON.stringify({ boot: this.#boot(), value });
  }

  #boot(): string {
    this.#bootId ??= readBootId();
    return this.#bootId;
  }
}
