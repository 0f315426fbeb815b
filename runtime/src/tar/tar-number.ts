import { RuntimeError } from '../runtime-error.ts';

/**
 * Reads a number field of a tar header: octal digits between spaces and NULs (POSIX), or base 256 with the
 * first bit set (GNU). An empty field is 0. What a double can't hold exactly is refused.
 *
 * @param what how a message names the field, for example `size`
 * @throws RuntimeError ARCHIVE_INVALID
 */
export function parseTarNumber(field: Uint8Array, what: string): number {
  const first = field[0] ?? 0;
  return (first & 0x80) === 0 ? parseOctal(field, what) : parseBase256(field, what);
}

const zero = 0x30;
const space = 0x20;

function parseOctal(field: Uint8Array, what: string): number {
  let start = 0;
  let end = field.length;
  while (start < end && isFiller(field[start])) start += 1;
  // Digits end at the first NUL or space, and nothing but these may follow.
  let stop = start;
  while (stop < end && !isFiller(field[stop])) stop += 1;
  while (end > stop && isFiller(field[end - 1])) end -= 1;
  if (end > stop) throw invalid(field, what);
  let value = 0;
  for (let at = start; at < stop; at += 1) {
    const digit = (field[at] ?? 0) - zero;
    if (digit < 0 || digit > 7) throw invalid(field, what);
    value = value * 8 + digit;
  }
  // A field has at most 12 digits: 36 bits.
  return value;
}

// Two's complement, most significant byte first; the first bit only marks the encoding, the second is the sign.
function parseBase256(field: Uint8Array, what: string): number {
  const first = field[0] ?? 0;
  const isNegative = (first & 0x40) !== 0;
  let value = isNegative ? (first | 0x80) - 0x100 : first & 0x3f;
  for (let at = 1; at < field.length; at += 1) value = value * 256 + (field[at] ?? 0);
  if (!Number.isSafeInteger(value)) throw invalid(field, what);
  return value;
}

function isFiller(byte: number | undefined): boolean {
  return byte === 0 || byte === space;
}

function invalid(field: Uint8Array, what: string): RuntimeError {
  return new RuntimeError(
    'ARCHIVE_INVALID',
    `a tar header has a ${what} field that is no number: hex ${Buffer.from(field).toString('hex')}`,
  );
}
