import { RuntimeError } from '../runtime-error.ts';
import { type ByteString, quoteBytes } from '../tar/byte-string.ts';

/** NAME_MAX of Linux, and of EROFS. */
const componentBytes = 255;

/**
 * The path of an archive member below the root of the image: components joined by single slashes, empty for
 * the root itself. Leading `/` and `./`, doubled slashes and `.` say nothing and are dropped, as other runtimes
 * do; a `..` is refused wherever it stands, because nobody who means well writes it.
 *
 * @throws RuntimeError ENTRY_PATH_INVALID
 */
export function entryPath(written: ByteString): ByteString {
  if (written === '') throw new RuntimeError('ENTRY_PATH_INVALID', 'the archive has a member without a name');
  const components = written.split('/').filter((component) => component !== '' && component !== '.');
  for (const component of components) {
    if (component === '..') {
      throw new RuntimeError(
        'ENTRY_PATH_INVALID',
        `the archive has a member that leads out of its folder: ${quoteBytes(written)}`,
        { hint: 'do not use this image: such names have no use but to write outside of it' },
      );
    }
    if (component.length > componentBytes) {
      throw new RuntimeError(
        'ENTRY_PATH_INVALID',
        `the archive has a name of ${component.length} bytes, more than the ${componentBytes} that file systems hold: ${quoteBytes(component as ByteString)}`,
      );
    }
  }
  return components.join('/') as ByteString;
}

/** Folder and name of a path below the root. */
export function splitEntryPath(path: ByteString): readonly [folder: ByteString, name: ByteString] {
  const slash = path.lastIndexOf('/');
  return [path.slice(0, Math.max(slash, 0)) as ByteString, path.slice(slash + 1) as ByteString];
}
