import type { FileHandle } from 'node:fs/promises';

const flushBytes = 64 * 1024 * 1024;

/**
 * Writes a large file from its start, and has the disk take it in while it is being written, so that little is
 * left to wait for at the end.
 */
export class SteadyWriter {
  readonly #handle: FileHandle;
  #unflushedBytes = 0;
  #flush: Promise<unknown> = Promise.resolve();

  /** @param handle stays the caller's to sync and close */
  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async write(piece: Uint8Array): Promise<void> {
    let written = 0;
    while (written < piece.byteLength) written += (await this.#handle.write(piece, written)).bytesWritten;
    this.#unflushedBytes += piece.byteLength;
    if (this.#unflushedBytes < flushBytes) return;
    this.#unflushedBytes = 0;
    await this.finish();
    this.#flush = this.#handle.datasync();
    // It is awaited before the next one and at the end; until then a failure must not count as unhandled.
    this.#flush.catch(() => undefined);
  }

  /** Waits for what was begun; a failure of the disk is reported here or by `write`. */
  async finish(): Promise<void> {
    await this.#flush;
  }
}
