import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';

/** Decompresses the content of a zip member; whatever its decoder doesn't like becomes the error given. */
export async function* inflate(
  packed: AsyncIterable<Uint8Array>,
  damaged: Error,
): AsyncGenerator<Uint8Array, void, undefined> {
  const output = new PassThrough();
  const done = pipeline(packed, createInflateRaw(), output);
  // Seen below, at the latest when the output has ended.
  done.catch(() => undefined);
  try {
    yield* output as AsyncIterable<Uint8Array>;
    await done;
  } catch (error) {
    const { code = '' } = error as { code?: unknown };
    throw /^(Z_|ERR_ZLIB|ERR_STREAM_PREMATURE)/.test(String(code)) ? damaged : error;
  } finally {
    output.destroy();
  }
}
