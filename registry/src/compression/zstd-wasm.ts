import { type Binding, run, type Stream } from 'zstd-codec/lib/module.js';
import { RegistryError } from '../registry-error.ts';
import type { Zstd } from './zstd.ts';

// The module has 16 MiB of memory in all. A call takes all of its input first, and in decoding a byte of input
// can stand for 32 kB of output.
const compressStepBytes = 256 * 1024;
const decompressStepBytes = 1024;
const highestLevel = 9;

/**
 * zstd compiled to WebAssembly, for where Node has none and for browsers. Only the package's streaming calls
 * are used: its one-shot functions run out of memory with a few megabytes. Levels above 9 count as 9, frames
 * have no checksum, and frames with windows of more than 8 MiB can't be read.
 */
export async function loadWasmZstd(): Promise<Zstd> {
  // Emscripten's module has a method then(), so a promise must not be resolved with it itself.
  const { binding } = await new Promise<{ binding: Binding }>((resolve) => {
    run((ready) => resolve({ binding: ready }));
  });
  return {
    async compressFrame(bytes, level) {
      const stream = new binding.ZstdCompressStreamBinding();
      try {
        check(stream.begin(Math.min(level, highestLevel)));
        return Buffer.concat([...steps(stream, bytes, compressStepBytes), ...ending(stream)]);
      } finally {
        stream.delete();
      }
    },

    async *decompress(frames) {
      const stream = new binding.ZstdDecompressStreamBinding();
      try {
        check(stream.begin());
        for await (const piece of frames) yield* steps(stream, piece, decompressStepBytes);
        yield* ending(stream);
      } finally {
        stream.delete();
      }
    },
  };
}

function* steps(stream: Stream, bytes: Uint8Array, stepBytes: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += stepBytes) {
    yield* output((sink) => stream.transform(bytes.subarray(at, at + stepBytes), sink));
  }
}

function ending(stream: Stream): readonly Uint8Array[] {
  return output((sink) => stream.end(sink));
}

function output(call: (sink: (piece: Uint8Array) => void) => boolean): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  try {
    check(call((piece) => void pieces.push(piece)));
  } catch (cause) {
    // Out of memory is thrown as a string.
    if (cause instanceof Error) throw cause;
    throw new RegistryError('COMPRESSED_INVALID', 'zstd stream needs more memory than there is for it', {
      cause,
    });
  }
  return pieces;
}

function check(worked: boolean): void {
  if (!worked) throw new RegistryError('COMPRESSED_INVALID', 'zstd stream is damaged');
}
