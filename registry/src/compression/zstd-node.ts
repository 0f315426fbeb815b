import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { through } from './through.ts';
import type { Zstd } from './zstd.ts';

const zstdCompress = promisify(zlib.zstdCompress);

/** The zstd of node:zlib, on its thread pool. */
export const nodeZstd: Zstd = {
  compressFrame(bytes, level) {
    return zstdCompress(bytes, {
      chunkSize: 1024 * 1024,
      pledgedSrcSize: bytes.byteLength,
      params: {
        [zlib.constants.ZSTD_c_compressionLevel]: level,
        [zlib.constants.ZSTD_c_checksumFlag]: 1,
      },
    });
  },

  async *decompress(frames) {
    const pieces = frames[Symbol.asyncIterator]();
    try {
      // A stream of nothing but skippable frames is valid and empty; Node would ask for more.
      const first = await pieces.next();
      if (first.done === true) return;
      const decoder = zlib.createZstdDecompress({ chunkSize: 256 * 1024 });
      yield* through(continued(first.value, pieces), decoder);
    } finally {
      await pieces.return?.();
    }
  },
};

async function* continued(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
