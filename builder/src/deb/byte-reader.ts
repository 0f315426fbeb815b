import { Buffer } from 'node:buffer';

/** Takes pieces of wanted sizes out of a stream. Whoever makes it calls `end` when done. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next bytes, at most so many; undefined at the end of the stream. */
  async upTo(sizeBytes: number): Promise<Uint8Array | undefined> {
    while (this.#rest.byteLength === 0) {
      const next = await this.#source.next();
      if (next.done === true) return undefined;
      this.#rest = next.value;
    }
    const piece = this.#rest.subarray(0, sizeBytes);
    this.#rest = this.#rest.subarray(sizeBytes);
    return piece;
  }

  /** Exactly so many bytes; fewer only at the end of the stream. */
  async exactly(sizeBytes: number): Promise<Buffer> {
    const bytes = Buffer.alloc(sizeBytes);
    let filled = 0;
    while (filled < sizeBytes) {
      const piece = await this.upTo(sizeBytes - filled);
      if (piece === undefined) return bytes.subarray(0, filled);
      bytes.set(piece, filled);
      filled += piece.byteLength;
    }
    return bytes;
  }

  /** Ends the stream; what is left of it is not read. */
  async end(): Promise<void> {
    await this.#source.return?.();
  }
}
