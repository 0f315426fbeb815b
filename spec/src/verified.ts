import { type Digest, Digester, digestAlgorithm, digestOf } from './digest.ts';
import { SpecError } from './spec-error.ts';

/** What a piece of content must be. */
export type Expected = {
  readonly digest: Digest;
  /** Exact size in bytes. */
  readonly size: number;
};

/**
 * Passes a stream through while checking it. No byte beyond the expected size is passed on, and a stream that
 * is too short or has another digest fails *before* its end is reported, so a consumer that commits only at the
 * end never commits wrong content (image-spec, descriptor.md#verification).
 *
 * Ends the source on every exit.
 *
 * @throws SpecError CONTENT_SIZE, CONTENT_MISMATCH
 */
export async function* verified(
  source: AsyncIterable<Uint8Array>,
  expected: Expected,
): AsyncGenerator<Uint8Array, void, undefined> {
  const digester = new Digester(digestAlgorithm(expected.digest));
  let size = 0;
  for await (const chunk of source) {
    size += chunk.byteLength;
    if (size > expected.size) {
      throw new SpecError(
        'CONTENT_SIZE',
        `content of ${expected.digest} is longer than its ${expected.size} bytes`,
      );
    }
    digester.update(chunk);
    yield chunk;
  }
  checkEnd(digester.digest(), size, expected);
}

/**
 * Checks bytes that are in memory and returns them.
 *
 * @throws SpecError CONTENT_SIZE, CONTENT_MISMATCH
 */
export function verifiedBytes(bytes: Uint8Array, expected: Expected): Uint8Array {
  checkEnd(digestOf(bytes, digestAlgorithm(expected.digest)), bytes.byteLength, expected);
  return bytes;
}

function checkEnd(digest: Digest, size: number, expected: Expected): void {
  if (size !== expected.size) {
    throw new SpecError(
      'CONTENT_SIZE',
      `content of ${expected.digest} has ${size} bytes instead of ${expected.size}`,
    );
  }
  if (digest !== expected.digest) {
    throw new SpecError(
      'CONTENT_MISMATCH',
      `content should have the digest ${expected.digest} but has ${digest}`,
    );
  }
}
