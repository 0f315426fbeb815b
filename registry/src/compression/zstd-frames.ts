import { RegistryError } from '../registry-error.ts';

/**
 * Cuts a zstd stream where its frames end and leaves skippable frames out, so that a decoder which is given
 * one piece after the other never sees the end of one frame and the beginning of the next in one call.
 * Node's decoder silently drops whatever follows a frame in the same call, and layers with one frame per file
 * (zstd:chunked) have thousands of them.
 *
 * Only the frames' outer structure is read (RFC 8878 section 3); their content is the decoder's to check.
 *
 * @throws RegistryError COMPRESSED_INVALID if the stream is empty, ends inside a frame or has anything else
 *   between frames
 */
export async function* zstdFramePieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const scanner = new FrameScanner();
  for await (const chunk of source) yield* scanner.scan(chunk);
  scanner.end();
}

const frameMagic = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd);
const maxBlockBytes = 128 * 1024;

type Part = 'magic' | 'skip size' | 'skip' | 'descriptor' | 'header' | 'block header' | 'block' | 'checksum';

class FrameScanner {
  #part: Part = 'magic';
  /** Bytes that the present part still needs. */
  #needed = 4;
  /** Little-endian value of a small part, as far as it has come. */
  #value = 0;
  #valueBytes = 0;
  #hasChecksum = false;
  #isLastBlock = false;
  #hasFrames = false;

  *scan(chunk: Uint8Array): Generator<Uint8Array> {
    let start = 0;
    let at = 0;
    while (at < chunk.byteLength) {
      const taken = Math.min(this.#needed, chunk.byteLength - at);
      if (this.#isValue()) this.#read(chunk.subarray(at, at + taken));
      at += taken;
      this.#needed -= taken;
      if (this.#needed > 0) break;
      const wasPassedOn = this.#isPassedOn();
      const wasMagic = this.#part === 'magic';
      this.#next();
      if (wasPassedOn && this.#part === 'magic') yield chunk.subarray(start, at);
      // Only behind its magic is it known that a frame is not a skippable one.
      if (wasMagic && this.#part === 'descriptor') yield frameMagic;
      if (!wasPassedOn || this.#part === 'magic') start = at;
    }
    if (this.#isPassedOn() && at > start) yield chunk.subarray(start, at);
  }

  end(): void {
    if (this.#part === 'magic' && this.#valueBytes === 0 && this.#hasFrames) return;
    throw invalid(this.#hasFrames ? 'ends inside a frame' : 'is empty or too short for one frame');
  }

  #isValue(): boolean {
    return this.#part !== 'skip' && this.#part !== 'header' && this.#part !== 'block';
  }

  #isPassedOn(): boolean {
    return this.#part !== 'magic' && this.#part !== 'skip' && this.#part !== 'skip size';
  }

  #read(bytes: Uint8Array): void {
    for (const byte of bytes) {
      this.#value += byte * 2 ** (8 * this.#valueBytes);
      this.#valueBytes += 1;
    }
  }

  /** Moves on from a part that is complete. */
  #next(): void {
    [this.#part, this.#needed] = this.#following(this.#value);
    this.#value = 0;
    this.#valueBytes = 0;
  }

  #following(value: number): [part: Part, bytes: number] {
    switch (this.#part) {
      case 'magic':
        this.#hasFrames = true;
        if (value === 0xfd2fb528) return ['descriptor', 1];
        if (value >= 0x184d2a50 && value <= 0x184d2a5f) return ['skip size', 4];
        throw invalid('has something else than a frame where a frame should begin');
      case 'skip size':
        return value === 0 ? ['magic', 4] : ['skip', value];
      case 'descriptor':
        return this.#afterDescriptor(value);
      case 'header':
        return ['block header', 3];
      case 'block header':
        return this.#afterBlockHeader(value);
      case 'block':
        return this.#afterBlock();
      case 'skip':
      case 'checksum':
        return ['magic', 4];
    }
  }

  #afterDescriptor(descriptor: number): [part: Part, bytes: number] {
    const isSingleSegment = (descriptor & 0x20) !== 0;
    this.#hasChecksum = (descriptor & 0x04) !== 0;
    const windowBytes = isSingleSegment ? 0 : 1;
    const dictionaryBytes = [0, 1, 2, 4][descriptor & 0x03] ?? 0;
    const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
    return ['header', windowBytes + dictionaryBytes + sizeBytes];
  }

  #afterBlockHeader(header: number): [part: Part, bytes: number] {
    this.#isLastBlock = (header & 1) !== 0;
    const type = (header >> 1) & 3;
    const size = header >> 3;
    if (type === 3 || size > maxBlockBytes) throw invalid('has a block of a reserved type or size');
    // A block of type 1 is one byte that is repeated `size` times.
    const bytes = type === 1 ? 1 : size;
    return bytes > 0 ? ['block', bytes] : this.#afterBlock();
  }

  #afterBlock(): [part: Part, bytes: number] {
    if (!this.#isLastBlock) return ['block header', 3];
    return this.#hasChecksum ? ['checksum', 4] : ['magic', 4];
  }
}

function invalid(what: string): RegistryError {
  return new RegistryError('COMPRESSED_INVALID', `zstd stream ${what}`);
}
