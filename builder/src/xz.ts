import { quote } from '@img/spec/quote';
import { BuilderError } from './builder-error.ts';

/** Where xz content comes from, and how long it may become. */
export type XzOptions = {
  /** Longest accepted output in bytes. */
  readonly maxBytes: number;
  /** How messages name the content, for example `data.tar.xz of libc6_2.36-9_amd64.deb`. */
  readonly what: string;
};

/**
 * Decompresses an xz file, all of its streams and blocks, with every check in it. Works in a thread of its own
 * and holds little in memory: reading slowly makes it decompress slowly.
 *
 * @throws BuilderError COMPRESSION_INVALID for what is damaged, truncated, longer than allowed or not xz; what
 *   the source throws
 */
export async function* decompressXz(
  source: AsyncIterable<Uint8Array>,
  { maxBytes, what }: XzOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { decompressStream } = await import('@napi-rs/lzma/xz');
  let sourceError: { readonly error: unknown } | undefined;
  const iterator = source[Symbol.asyncIterator]();
  const input = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = await iterator.next();
          if (next.done === true) controller.close();
          else controller.enqueue(next.value);
        } catch (error) {
          sourceError = { error };
          controller.error(error);
        }
      },
    },
    { highWaterMark: 0 },
  );
  let sizeBytes = 0;
  try {
    for await (const chunk of decompressStream(input)) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > maxBytes) break;
      yield chunk;
    }
  } catch (cause) {
    if (sourceError !== undefined) throw sourceError.error;
    throw new BuilderError(
      'COMPRESSION_INVALID',
      `${quote(what)} is not valid xz: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  } finally {
    await iterator.return?.();
  }
  if (sizeBytes > maxBytes) {
    throw new BuilderError(
      'COMPRESSION_INVALID',
      `${quote(what)} is longer than the ${maxBytes} bytes allowed when it is decompressed`,
    );
  }
}
