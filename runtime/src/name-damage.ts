import { CodedError } from '@img/spec/coded-error';
import { RuntimeError } from './runtime-error.ts';

const damageCodes: readonly string[] = [
  'CONTENT_CORRUPT',
  'CONTENT_MISMATCH',
  'CONTENT_MISSING',
  'CONTENT_SIZE',
  'DIGEST_MISMATCH',
  'LAYER_DAMAGED',
  'SIZE_MISMATCH',
  'STORE_INVALID',
  'TREE_DAMAGED',
];

/** Whether an error says that something on this host is not what it was. */
export function isDamage(error: unknown): error is CodedError {
  return error instanceof CodedError && damageCodes.includes(error.code);
}

/**
 * Does something with this host's own copy of an image, and says so if the copy is not what it was: whoever changed
 * a byte of it, what would run is not what was signed.
 *
 * @param image how messages name it, and how a pull would
 * @throws RuntimeError IMAGE_DAMAGED; whatever else the action throws
 */
export async function nameDamage<T>(image: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (!isDamage(cause)) throw cause;
    throw new RuntimeError('IMAGE_DAMAGED', `${image} was changed after it was fetched: ${cause.message}`, {
      cause,
      hint: `find out who or what writes to the store; this repairs what the registry has: img pull ${image}`,
    });
  }
}
