import { quote } from '@img/spec/quote';

declare const byteStringBrand: unique symbol;

/**
 * Bytes as a string with one character per byte: what file names, link targets and attribute names are on
 * Linux, where they need not be UTF-8. Works as a key of a map, and `<` orders it the way `memcmp` would.
 */
export type ByteString = string & { readonly [byteStringBrand]: true };

export const emptyByteString = '' as ByteString;

/** The bytes as a string; nothing of the argument is kept. */
export function byteString(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1') as ByteString;
}

/** The UTF-8 bytes of ordinary text. */
export function byteStringOf(text: string): ByteString {
  return Buffer.from(text, 'utf8').toString('latin1') as ByteString;
}

export function bytesOf(value: ByteString): Buffer {
  return Buffer.from(value, 'latin1');
}

/** As it may stand in a message: read as UTF-8 and quoted. */
export function quoteBytes(value: ByteString): string {
  return quote(bytesOf(value).toString('utf8'));
}
