import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/**
 * What comes out of a transform that is fed from the source. Both are ended on every exit; an error of the
 * source comes out as it is.
 */
export async function* through(
  source: AsyncIterable<Uint8Array>,
  transform: Transform,
): AsyncGenerator<Uint8Array> {
  let sourceError: { readonly error: unknown } | undefined;
  async function* watched(): AsyncGenerator<Uint8Array> {
    try {
      yield* source;
    } catch (error) {
      sourceError = { error };
      throw error;
    }
  }
  const fed = pipeline(watched(), transform);
  try {
    yield* transform;
    await fed;
  } catch (error) {
    throw sourceError === undefined ? error : sourceError.error;
  } finally {
    transform.destroy();
    await fed.catch(() => undefined);
  }
}
