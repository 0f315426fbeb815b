import { randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';

export type SpoolRange = { readonly offset: number; readonly length: number };

/** Reads as often as it likes until it is disposed of. */
export type SpoolReader = AsyncDisposable & {
  /**
   * The bytes of a part, waiting for those that aren't there yet.
   *
   * @throws what the spool was ended with
   */
  read(range: SpoolRange): AsyncGenerator<Uint8Array, void, undefined>;
};

const readBytes = 256 * 1024;

/**
 * A file that grows while any number of readers follow it, each at its own pace. It has no name any more when it is
 * there, so nothing stays behind, however this process ends.
 */
export class Spool {
  readonly #file: FileHandle;
  #sizeBytes = 0;
  #outcome: 'open' | 'complete' | { readonly error: unknown } = 'open';
  #changed = Promise.withResolvers<void>();
  /** The readers, and the writer until it has ended the spool. */
  #users = 1;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Makes one on the file system of the folder. */
  static async open(folder: string): Promise<Spool> {
    const path = join(folder, `img-spool-${randomUUID()}`);
    const file = await open(path, 'wx+', 0o600);
    await unlink(path);
    return new Spool(file);
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.byteLength; ) {
      const { bytesWritten } = await this.#file.write(chunk, at, chunk.byteLength - at, this.#sizeBytes);
      at += bytesWritten;
      this.#sizeBytes += bytesWritten;
    }
    this.#tell();
  }

  /** Ends it: readers come to their end, or to the error. Nothing is written afterwards. */
  async end(failure?: { readonly error: unknown }): Promise<void> {
    this.#outcome = failure ?? 'complete';
    this.#tell();
    await this.#leave();
  }

  /** A reader; undefined where the writer and all readers are gone. */
  claim(): SpoolReader | undefined {
    if (this.#users === 0) return undefined;
    this.#users += 1;
    return { read: (range) => this.#read(range), [Symbol.asyncDispose]: () => this.#leave() };
  }

  async *#read({ offset, length }: SpoolRange): AsyncGenerator<Uint8Array, void, undefined> {
    const end = offset + length;
    for (let at = offset; at < end; ) {
      const there = Math.min(readBytes, end - at, this.#sizeBytes - at);
      if (there > 0) {
        const { buffer, bytesRead } = await this.#file.read(Buffer.allocUnsafe(there), 0, there, at);
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      } else if (this.#outcome === 'open') {
        await this.#changed.promise;
      } else if (this.#outcome === 'complete') {
        return;
      } else {
        throw this.#outcome.error;
      }
    }
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async #leave(): Promise<void> {
    this.#users -= 1;
    if (this.#users === 0) await this.#file.close();
  }
}
