import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolderSync } from '@img/registry/storage/make-folder';
import { readBootId } from '../state/process-identity.ts';

/**
 * What was checked since the machine started, so that the next start of an app need not check it again. A stamp
 * holds what tells whether the thing is still as it was, and counts until the next boot only: what happens to a
 * disk while the machine is off, no file time shows.
 *
 * The folder must be one that only the owner of the store can write, best on a tmpfs. Calls are synchronous: a
 * start looks at hundreds of these small files, and waiting for each costs more than reading it.
 */
export class Stamps {
  readonly #folder: string;
  #bootId: string | undefined;

  /** @param folder is created with the first stamp */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Whether there is a stamp of this boot that says exactly this; the order of keys counts. */
  has(name: string, value: object): boolean {
    try {
      return readFileSync(this.#path(name), 'utf8') === this.#encode(value);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }

  set(name: string, value: object): void {
    makeFolderSync(this.#folder);
    // Neither synced nor renamed into place: a stamp that is lost or cut short only costs a check.
    writeFileSync(this.#path(name), this.#encode(value), { mode: 0o600 });
  }

  remove(name: string): void {
    rmSync(this.#path(name), { force: true });
  }

  #path(name: string): string {
    return join(this.#folder, `${name}.json`);
  }

  #encode(value: object): string {
    this.#bootId ??= readBootId();
    return JSON.stringify({ boot: this.#bootId, value });
  }
}
