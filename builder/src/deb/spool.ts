import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@img/registry/storage/make-folder';
import { temporaryPrefix } from '@img/registry/storage/write-file-atomic';

const windowBytes = 256 * 1024;

/**
 * A stream that was written down, so that its parts can be read in any order. The file has no name any more
 * once it is open: whatever happens to the process, nothing is left of it.
 */
export class Spool {
  readonly #file: FileHandle;
  #sizeBytes = 0;
  /** The piece of the file that was read last; small files mostly lie in the one of their predecessor. */
  #window: { readonly offset: number; readonly bytes: Uint8Array } = { offset: 0, bytes: new Uint8Array() };

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** @param folder where the file's blocks come from; is created when missing */
  static async create(folder: string): Promise<Spool> {
    await makeFolder(folder, 0o755);
    const path = join(folder, `${temporaryPrefix}spool-${randomBytes(6).toString('hex')}`);
    const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
    await rm(path);
    return new Spool(file);
  }

  /** How much was written. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  async append(bytes: Uint8Array): Promise<void> {
    let written = 0;
    while (written < bytes.byteLength) {
      const length = bytes.byteLength - written;
      const result = await this.#file.write(bytes, written, length, this.#sizeBytes);
      written += result.bytesWritten;
      this.#sizeBytes += result.bytesWritten;
    }
  }

  /** So many bytes from the offset on, all of which must have been written. The pieces stay as they are. */
  async *read(offset: number, sizeBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
    let at = offset;
    const end = offset + sizeBytes;
    while (at < end) {
      if (at < this.#window.offset || at >= this.#window.offset + this.#window.bytes.byteLength) {
        await this.#fill(at);
      }
      const { offset: from, bytes } = this.#window;
      const piece = bytes.subarray(at - from, end - from);
      yield piece;
      at += piece.byteLength;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  async #fill(offset: number): Promise<void> {
    // A new buffer each time, because pieces of the last one may still be in use.
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(windowBytes, this.#sizeBytes - offset)));
    const { bytesRead } = await this.#file.read(bytes, 0, bytes.byteLength, offset);
    if (bytesRead === 0) throw new Error(`nothing was written at byte ${offset} of the spool`);
    this.#window = { offset, bytes: bytes.subarray(0, bytesRead) };
  }
}
