import { CodedError } from '@img/spec/coded-error';
import type { LayerCompression } from '@img/spec/media-types';
import { RegistryError } from '../registry-error.ts';
import { gunzip } from './gunzip.ts';
import { loadZstd } from './zstd.ts';
import { zstdFramePieces } from './zstd-frames.ts';

export type DecompressOptions = {
  /** What the media type says; the content is never asked, so one blob has one meaning. */
  readonly compression: LayerCompression;
  /** Longest accepted output. */
  readonly maxBytes: number;
};

// No layer that anyone needs is larger than a GiB and ten thousand times larger than what was sent for it.
const unsuspiciousBytes = 1024 ** 3;
const maxRatio = 10_000;

/**
 * Decompresses a stream: every member of a gzip stream, every frame of a zstd stream. Nothing may follow them.
 *
 * @throws RegistryError COMPRESSED_INVALID for what is damaged, truncated or compressed in another way;
 *   DECOMPRESSED_TOO_LONG before a byte beyond the limit is passed on; and what the source throws
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  { compression, maxBytes }: DecompressOptions,
): AsyncGenerator<Uint8Array> {
  const input = { bytes: 0 };
  let outputBytes = 0;
  for await (const chunk of decoded(counted(source, input), compression)) {
    outputBytes += chunk.byteLength;
    if (outputBytes > maxBytes) {
      throw new RegistryError(
        'DECOMPRESSED_TOO_LONG',
        `${compression} stream is longer than the ${maxBytes} bytes allowed when it is decompressed`,
      );
    }
    if (outputBytes > unsuspiciousBytes && outputBytes > input.bytes * maxRatio) {
      throw new RegistryError(
        'DECOMPRESSED_TOO_LONG',
        `${compression} stream of ${input.bytes} bytes is more than ${maxRatio} times as long when it is decompressed`,
        { hint: 'this is what a decompression bomb looks like; push the image with another compression' },
      );
    }
    yield chunk;
  }
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  counter: { bytes: number },
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    counter.bytes += chunk.byteLength;
    yield chunk;
  }
}

async function* decoded(
  source: AsyncIterable<Uint8Array>,
  compression: LayerCompression,
): AsyncGenerator<Uint8Array> {
  try {
    switch (compression) {
      case 'none':
        return yield* source;
      case 'gzip':
        return yield* gunzip(source);
      case 'zstd':
        return yield* (await loadZstd()).decompress(zstdFramePieces(source));
    }
  } catch (error) {
    if (error instanceof CodedError || !isFromZlib(error)) throw error;
    throw new RegistryError('COMPRESSED_INVALID', `${compression} stream is damaged: ${error.message}`, {
      cause: error,
    });
  }
}

function isFromZlib(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && /^(Z_|ZSTD_|ERR_ZLIB)/.test(String(error.code));
}
