import { collect } from '@img/spec/collect';
import { SpecError } from '@img/spec/spec-error';
import { RegistryError } from '../registry-error.ts';
import { TransientFailure } from './retry.ts';
import type { Answer } from './transport.ts';

/**
 * Reads the whole body of an answer, checked against its Content-Length.
 *
 * @param what what is being done, for messages
 * @throws RegistryError ANSWER_TOO_LONG; TransientFailure of ANSWER_TRUNCATED
 */
export async function readBody(answer: Answer, maxBytes: number, what: string): Promise<Uint8Array> {
  const announced = contentLength(answer);
  const tooLong = (cause?: unknown) => {
    return new RegistryError(
      'ANSWER_TOO_LONG',
      `could not ${what}: the answer is longer than the ${maxBytes} bytes allowed`,
      { cause },
    );
  };
  if (announced !== undefined && announced > maxBytes) {
    await answer.discard();
    throw tooLong();
  }
  let bytes: Uint8Array;
  try {
    bytes = await collect(answer.body, maxBytes, 'answer');
  } catch (error) {
    if (error instanceof SpecError) throw tooLong(error);
    if (error instanceof TransientFailure) throw truncated(what, error);
    throw error;
  }
  if (announced !== undefined && announced !== bytes.byteLength) throw truncated(what);
  return bytes;
}

/** The length that the answer announces; undefined if it doesn't. */
export function contentLength(answer: Answer): number | undefined {
  const header = answer.header('content-length');
  return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}

function truncated(what: string, cause?: Error): TransientFailure {
  return new TransientFailure(
    new RegistryError('ANSWER_TRUNCATED', `could not ${what}: the answer ended too early`, { cause }),
  );
}
