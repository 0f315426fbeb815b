import { SpecError } from '@img/spec/spec-error';
import { RegistryError } from '../registry-error.ts';

const hint = 'try again; if it stays so, what is stored there was damaged or tampered with';

/**
 * The error to throw instead: a failed check of content says where the content came from, every other error
 * stays as it is.
 *
 * @param what the content and its place: `blob sha256:… of 127.0.0.1:5000/com.example.app`
 */
export function namedMismatch(error: unknown, what: string): unknown {
  if (!(error instanceof SpecError)) return error;
  if (error.code === 'CONTENT_MISMATCH') {
    return new RegistryError('DIGEST_MISMATCH', `${what} is not what it should be: ${error.message}`, {
      cause: error,
      hint,
    });
  }
  if (error.code === 'CONTENT_SIZE') {
    return new RegistryError('SIZE_MISMATCH', `${what} is not what it should be: ${error.message}`, {
      cause: error,
      hint,
    });
  }
  return error;
}
