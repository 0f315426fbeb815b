import type { FileHandle } from 'node:fs/promises';
import type { BlobAppender, UploadState } from './blob-store.ts';

/** Bytes and chunks are gathered up to here before they go to the disk, in one call. */
const gatheredBytes = 256 * 1024;
const gatheredChunks = 512;

/** Writes behind the end of an unfinished file: while one batch goes to the disk, the next one is gathered. */
export class FileBlobAppender implements BlobAppender {
  readonly #handle: FileHandle;
  #position: number;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(handle: FileHandle, position: number) {
    this.#handle = handle;
    this.#position = position;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#chunks.push(chunk);
    this.#bytes += chunk.byteLength;
    if (this.#bytes >= gatheredBytes || this.#chunks.length >= gatheredChunks) await this.#flush();
  }

  async save(): Promise<UploadState> {
    await this.#flush();
    await this.#writing;
    return { sizeBytes: this.#position, notes: '', tail: new Uint8Array() };
  }

  async close(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.#handle.close();
  }

  // Resolves as soon as the batch is on its way; its failure comes out of the next call.
  async #flush(): Promise<void> {
    await this.#writing;
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#bytes = 0;
    this.#writing = this.#writeAll(chunks);
    this.#writing.catch(() => undefined);
  }

  async #writeAll(chunks: readonly Uint8Array[]): Promise<void> {
    let rest = chunks;
    while (rest.length > 0) {
      const { bytesWritten } = await this.#handle.writev(rest, this.#position);
      this.#position += bytesWritten;
      rest = skipBytes(rest, bytesWritten);
    }
  }
}

function skipBytes(chunks: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let left = count;
  for (const [index, chunk] of chunks.entries()) {
    if (left < chunk.byteLength) return [chunk.subarray(left), ...chunks.slice(index + 1)];
    left -= chunk.byteLength;
  }
  return [];
}
