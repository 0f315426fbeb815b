import zlib from 'node:zlib';

/** One implementation of zstd; a contract test runs over all of them. */
export type Zstd = {
  /** The bytes as one frame. @param level 1 to 19 */
  compressFrame(bytes: Uint8Array, level: number): Promise<Uint8Array>;
  /**
   * Decodes frames; no piece of the source may reach over the end of one (`zstdFramePieces` sees to it).
   * Output comes in pieces small enough that a reader who counts them stops a bomb in time.
   */
  decompress(frames: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array>;
};

/** Node's own zstd where it has one (from 22.15 on), else the one compiled to WebAssembly. */
export async function loadZstd(): Promise<Zstd> {
  return 'zstdCompress' in zlib
    ? (await import('./zstd-node.ts')).nodeZstd
    : await (await import('./zstd-wasm.ts')).loadWasmZstd();
}
