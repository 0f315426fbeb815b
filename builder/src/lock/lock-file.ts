import { writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import { readIfThere } from '../read-if-there.ts';
import { encodeLock } from './encode-lock.ts';
import type { ImageLock } from './image-lock.ts';
import { parseLock } from './parse-lock.ts';

/** Where the lock of an img.yaml is: `img.lock` beside it, or `NAME.lock` for `NAME.yaml`. */
export function lockPathOf(recipeFile: string): string {
  return recipeFile.replace(/(?:\.ya?ml)?$/, '.lock');
}

/** A lock and the file that it is kept in. */
export class LockFile {
  readonly path: string;
  /** What it said when it was read; undefined if it wasn't there. */
  readonly lock: ImageLock | undefined;
  readonly #text: string | undefined;

  private constructor(path: string, bytes: Uint8Array | undefined) {
    this.path = path;
    this.lock = bytes === undefined ? undefined : parseLock(bytes, path);
    this.#text = bytes === undefined ? undefined : Buffer.from(bytes).toString();
  }

  /** @throws BuilderError LOCK_INVALID; SpecError CONTENT_SIZE */
  static async read(path: string): Promise<LockFile> {
    return new LockFile(path, await readIfThere(path));
  }

  /** Replaces the file, unless it says the same already; whether it was replaced. */
  async write(lock: ImageLock): Promise<boolean> {
    const text = encodeLock(lock);
    if (text === this.#text) return false;
    await writeFileAtomic(this.path, text);
    return true;
  }
}
