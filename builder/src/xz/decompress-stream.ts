/**
 * Decompresses one xz file, in a thread of its own. Reading slowly makes it decompress slowly.
 *
 * @throws what the source throws; the library's errors for content that is damaged or cut off
 */
export async function* decompressStreamed(
  source: AsyncIterable<Uint8Array>,
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
  try {
    yield* decompressStream(input);
  } catch (cause) {
    if (sourceError !== undefined) throw sourceError.error;
    throw new XzLibraryError((cause as Error).message, { cause });
  } finally {
    await iterator.return?.();
  }
}

/** What the library says of a file that it can't read. */
export class XzLibraryError extends Error {
  override readonly name = 'XzLibraryError';
}
