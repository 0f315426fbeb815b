import { decompressStreamed } from './decompress-stream.ts';
import { XzDamagedError } from './read-blocks.ts';

/** How many bytes blocks that are decompressed ahead hold together: two of Debian's, which have 24 MiB each. */
const mostHeldBytes = 72 * 1024 * 1024;

let heldBytes = 0;

/** A block that is decompressed at once, whoever reads its content when. End it, also if it is not read. */
export class BlockContent {
  readonly #pieces: Uint8Array[] = [];
  readonly #reservedBytes: number;
  readonly #ended: Promise<void>;
  #isWanted = true;
  #isEnded = false;
  #failure: { readonly error: unknown } | undefined;
  #wake = Promise.withResolvers<void>();

  private constructor(file: readonly Uint8Array[], contentBytes: number, reservedBytes: number) {
    this.#reservedBytes = reservedBytes;
    this.#ended = this.#decompress(file, contentBytes);
  }

  /**
   * Begins to decompress a block if there is room for it.
   *
   * @param source the block as a file of its own, so long as it is said to be; read only if there is room
   */
  static async begin(
    source: AsyncIterable<Uint8Array>,
    { fileBytes, contentBytes }: { readonly fileBytes: number; readonly contentBytes: number },
  ): Promise<BlockContent | undefined> {
    const wanted = fileBytes + contentBytes;
    if (heldBytes + wanted > mostHeldBytes) return undefined;
    heldBytes += wanted;
    try {
      return new BlockContent(await Array.fromAsync(source), contentBytes, wanted);
    } catch (error) {
      heldBytes -= wanted;
      throw error;
    }
  }

  /** The content, as far as it is there, and then as it comes. */
  async *read(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      for (let piece = this.#pieces.shift(); piece !== undefined; piece = this.#pieces.shift()) yield piece;
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#isEnded) return;
      await this.#wake.promise;
    }
  }

  /** Gives back what it holds. */
  async end(): Promise<void> {
    this.#isWanted = false;
    await this.#ended;
    this.#pieces.length = 0;
    heldBytes -= this.#reservedBytes;
  }

  async #decompress(file: readonly Uint8Array[], contentBytes: number): Promise<void> {
    try {
      for await (const piece of checkedContent(inOrder(file), contentBytes)) {
        if (!this.#isWanted) break;
        this.#pieces.push(piece);
        this.#notify();
      }
    } catch (error) {
      this.#failure = { error };
    }
    this.#isEnded = true;
    this.#notify();
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}

/** A block's content, which must be as long as the block says. */
export async function* checkedContent(
  source: AsyncIterable<Uint8Array>,
  contentBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let sizeBytes = 0;
  for await (const piece of decompressStreamed(source)) {
    sizeBytes += piece.byteLength;
    if (sizeBytes > contentBytes) throw new XzDamagedError('a block is longer than it says');
    yield piece;
  }
  if (sizeBytes < contentBytes) throw new XzDamagedError('a block is shorter than it says');
}

async function* inOrder(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, undefined> {
  yield* pieces;
}
