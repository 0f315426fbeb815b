import { quote } from '@img/spec/quote';
import { RuntimeError, type RuntimeErrorCode } from '../runtime-error.ts';

/**
 * An absolute path inside an image in its shortest form, without `.`, doubled and trailing slashes. `..` is
 * refused: what it means depends on symbolic links.
 *
 * @param what how a message names the path, for example `working folder`
 * @throws RuntimeError with the code given
 */
export function parseInsidePath(text: string, what: string, code: RuntimeErrorCode): string {
  if (!text.startsWith('/')) throw new RuntimeError(code, `${what} ${quote(text)} should begin with /`);
  if (text.includes('\0') || text.length > 4096) {
    throw new RuntimeError(
      code,
      `${what} ${quote(text)} is no path: it has a NUL or more than 4096 characters`,
    );
  }
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw new RuntimeError(code, `${what} ${quote(text)} should have no ".."`);
  return `/${parts.join('/')}`;
}

/** Whether a path is the folder or something below it; both in the form of {@link parseInsidePath}. */
export function isAtOrBelow(path: string, folder: string): boolean {
  return folder === '/' || path === folder || path.startsWith(`${folder}/`);
}
