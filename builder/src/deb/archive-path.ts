import { type ByteString, bytesOf, quoteBytes } from '@img/runtime/tar/byte-string';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';

/**
 * The path of a member of a .deb's archive, relative to the root, without `./`; empty for the root itself.
 *
 * @param what how messages name the package
 * @throws BuilderError PATH_UNSAFE for absolute paths, `..` and what is not UTF-8
 */
export function parseArchivePath(path: ByteString, what: string): string {
  const text = decode(path, what);
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  if (text.startsWith('/') || parts.includes('..')) {
    throw new BuilderError(
      'PATH_UNSAFE',
      `${quote(what)} has the path ${quote(text)}, which leads out of it`,
    );
  }
  return parts.join('/');
}

/**
 * The target of a symlink at a path. Targets may be absolute, since the root of the image is theirs, but must
 * not climb above it: there, what they point at would depend on who reads them.
 *
 * @throws BuilderError PATH_UNSAFE
 */
export function parseLinkTarget(target: ByteString, path: string, what: string): string {
  const text = decode(target, what);
  let depth = text.startsWith('/') ? 0 : path.split('/').length - 1;
  for (const part of text.split('/')) {
    if (part === '..') depth -= 1;
    else if (part !== '' && part !== '.') depth += 1;
    if (text === '' || depth < 0) {
      const message = `${quote(what)} has the link ${quote(path)} to ${quote(text)}, which leads out of it`;
      throw new BuilderError('PATH_UNSAFE', message);
    }
  }
  return text;
}

function decode(path: ByteString, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytesOf(path));
  } catch (cause) {
    const message = `${quote(what)} has the path ${quoteBytes(path)}, which is not UTF-8`;
    throw new BuilderError('PATH_UNSAFE', message, { cause });
  }
}
