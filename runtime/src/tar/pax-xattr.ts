import { RuntimeError } from '../runtime-error.ts';
import { type ByteString, byteString, quoteBytes } from './byte-string.ts';

/**
 * The name in a `LIBARCHIVE.xattr.<name>` key, where bytes are written as `%41`.
 *
 * @throws RuntimeError ARCHIVE_INVALID
 */
export function decodeLibarchiveName(text: string): ByteString {
  const name = text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  if (name.includes('\0')) {
    throw new RuntimeError(
      'ARCHIVE_INVALID',
      `a PAX header names an attribute with a NUL: ${quoteBytes(name as ByteString)}`,
    );
  }
  return name as ByteString;
}

/**
 * The value of a `LIBARCHIVE.xattr.<name>` record: base64, usually without padding.
 *
 * @throws RuntimeError ARCHIVE_INVALID
 */
export function decodeLibarchiveValue(name: ByteString, value: Uint8Array): Uint8Array {
  const text = byteString(value);
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw new RuntimeError(
      'ARCHIVE_INVALID',
      `the extended attribute ${quoteBytes(name)} in the archive is no base64`,
    );
  }
  return new Uint8Array(Buffer.from(text, 'base64'));
}
