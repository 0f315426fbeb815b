import { Buffer } from 'node:buffer';

/**
 * The same bytes in blocks of one size, the last one shorter. A tar comes in thousands of small pieces, and
 * each would cost the hash and the compressor a call.
 */
export async function* blocksOf(
  source: AsyncIterable<Uint8Array>,
  blockBytes = 256 * 1024,
): AsyncGenerator<Uint8Array, void, undefined> {
  let block = Buffer.allocUnsafe(blockBytes);
  let filled = 0;
  for await (const piece of source) {
    for (let at = 0; at < piece.byteLength; ) {
      const taken = Math.min(blockBytes - filled, piece.byteLength - at);
      block.set(piece.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
      if (filled < blockBytes) continue;
      yield block;
      // Whoever took the block may still work on it.
      block = Buffer.allocUnsafe(blockBytes);
      filled = 0;
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}
