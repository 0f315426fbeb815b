import { RuntimeError } from '../runtime-error.ts';
import { type ByteString, byteString } from './byte-string.ts';
import { parseTarNumber } from './tar-number.ts';

export const tarBlockBytes = 512;

/** The fields of one 512-byte header block, before long names and PAX records apply. */
export type TarHeader = {
  /** The type flag as one character, for example `0` or `x`. */
  readonly type: string;
  readonly path: ByteString;
  readonly linkTarget: ByteString;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
};

const zeros = Buffer.alloc(64 * 1024);

/** Whether all bytes are zero, as in the two blocks that end an archive. */
export function isZeros(bytes: Uint8Array): boolean {
  // Most blocks differ in the first byte.
  if (bytes[0] !== 0) return bytes.length === 0;
  for (let at = 0; at < bytes.length; at += zeros.length) {
    const length = Math.min(zeros.length, bytes.length - at);
    if (zeros.compare(bytes, at, at + length, 0, length) !== 0) return false;
  }
  return true;
}

/**
 * Reads a header block of any of the formats in use: V7, POSIX ustar (and with it PAX), GNU, star.
 *
 * @param block exactly 512 bytes
 * @param offset where in the archive it is, for messages
 * @throws RuntimeError ARCHIVE_INVALID
 */
export function parseTarHeader(block: Uint8Array, offset: number): TarHeader {
  checkChecksum(block, offset);
  const number = (start: number, length: number, what: string) =>
    parseTarNumber(block.subarray(start, start + length), what);
  const format = formatOf(block);
  // Before POSIX there was no place for device numbers, and the bytes may hold anything.
  const isV7 = format === 'v7';
  return {
    type: String.fromCharCode(block[156] ?? 0),
    path: pathOf(block, format),
    linkTarget: text(block, 157, 100),
    mode: number(100, 8, 'mode'),
    uid: number(108, 8, 'uid'),
    gid: number(116, 8, 'gid'),
    size: number(124, 12, 'size'),
    mtime: number(136, 12, 'mtime'),
    deviceMajor: isV7 ? 0 : number(329, 8, 'devmajor'),
    deviceMinor: isV7 ? 0 : number(337, 8, 'devminor'),
  };
}

type TarFormat = 'v7' | 'ustar' | 'gnu' | 'star';

function formatOf(block: Uint8Array): TarFormat {
  const magic = byteString(block.subarray(257, 265)) as string;
  if (magic === 'ustar  \0') return 'gnu';
  if (!magic.startsWith('ustar\0')) return 'v7';
  return (byteString(block.subarray(508, 512)) as string) === 'tar\0' ? 'star' : 'ustar';
}

// Only POSIX has a prefix for the path; GNU and star keep other things in those bytes.
function pathOf(block: Uint8Array, format: TarFormat): ByteString {
  const name = text(block, 0, 100);
  if (format === 'v7' || format === 'gnu') return name;
  const prefix = text(block, 345, format === 'star' ? 131 : 155);
  return prefix === '' ? name : (`${prefix}/${name}` as ByteString);
}

/** A field that ends at its first NUL or fills its place. */
function text(block: Uint8Array, start: number, length: number): ByteString {
  const field = block.subarray(start, start + length);
  const end = field.indexOf(0);
  return byteString(end < 0 ? field : field.subarray(0, end));
}

// The sum of all bytes with the checksum field itself as spaces. Some early programs summed signed bytes.
function checkChecksum(block: Uint8Array, offset: number): void {
  const expected = parseTarNumber(block.subarray(148, 156), 'checksum');
  let unsigned = 8 * 0x20;
  let signed = unsigned;
  for (let at = 0; at < tarBlockBytes; at += 1) {
    if (at === 148) at = 156;
    const byte = block[at] ?? 0;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  if (expected !== unsigned && expected !== signed) {
    throw new RuntimeError(
      'ARCHIVE_INVALID',
      `the tar header at byte ${offset} has the checksum ${expected} instead of ${unsigned}`,
      { hint: 'the archive is damaged, or it is no tar archive' },
    );
  }
}
