import zlib from 'node:zlib';
import type { LayerCompression } from '@img/spec/media-types';
import { through } from './through.ts';
import { loadZstd } from './zstd.ts';

export type CompressOptions = {
  readonly compression: LayerCompression;
  /** gzip: 1 to 9, 6 if absent; zstd: 1 to 19, 3 if absent. */
  readonly level?: number;
  /** How many threads compress zstd at a time, 2 if absent; the bytes do not depend on it. */
  readonly workers?: number;
};

// The size is part of the format: another one gives other bytes. Larger frames compress 0.4 % better at most
// and need more memory per worker.
const zstdFrameBytes = 4 * 1024 * 1024;

/**
 * Compresses a stream. The bytes depend on the content, the compression, its level and the version of the
 * compressor; not on the number of workers, on how the source is cut into chunks, or on time.
 *
 * zstd becomes one frame for every 4 MiB, compressed side by side. Node's own way to use several threads for
 * one stream, `ZSTD_c_nbWorkers`, loses the end of the stream (seen with 24.21).
 */
export async function* compress(
  source: AsyncIterable<Uint8Array>,
  { compression, level, workers = 2 }: CompressOptions,
): AsyncGenerator<Uint8Array> {
  switch (compression) {
    case 'none':
      return yield* source;
    case 'gzip':
      return yield* through(source, zlib.createGzip({ level: level ?? 6, chunkSize: 64 * 1024 }));
    case 'zstd':
      return yield* zstdFrames(source, level ?? 3, Math.max(1, workers));
  }
}

async function* zstdFrames(
  source: AsyncIterable<Uint8Array>,
  level: number,
  workers: number,
): AsyncGenerator<Uint8Array> {
  const zstd = await loadZstd();
  const frames: Promise<Uint8Array>[] = [];
  for await (const part of inParts(source, zstdFrameBytes)) {
    const frame = zstd.compressFrame(part, level);
    // The error comes out where the frame is awaited; until then it must not count as unhandled.
    frame.catch(() => undefined);
    frames.push(frame);
    if (frames.length >= workers) yield await (frames.shift() as Promise<Uint8Array>);
  }
  for (const frame of frames) yield await frame;
}

/** Cuts a stream anew; every part but the last has the size, and an empty stream has one empty part. */
async function* inParts(source: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  let part = new Uint8Array(bytes);
  let filled = 0;
  let isFirst = true;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.byteLength; ) {
      if (filled === bytes) {
        yield part;
        isFirst = false;
        part = new Uint8Array(bytes);
        filled = 0;
      }
      const taken = Math.min(bytes - filled, chunk.byteLength - at);
      part.set(chunk.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
    }
  }
  if (filled > 0 || isFirst) yield part.subarray(0, filled);
}
