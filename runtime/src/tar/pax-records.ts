import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';
import { type ByteString, byteString, quoteBytes } from './byte-string.ts';

/** One record of a PAX header; keys are ASCII in practice, values are any bytes. */
export type PaxRecord = { readonly key: ByteString; readonly value: Uint8Array };

const newline = 0x0a;
const equals = 0x3d;
const space = 0x20;

/**
 * Reads the body of a PAX header: `<length> <key>=<value>\n`, the length counting the whole record (POSIX.1,
 * pax, "pax Extended Header"). The order is kept, because early sparse maps repeat their keys. The values are
 * views of the body.
 *
 * @throws RuntimeError ARCHIVE_INVALID
 */
export function parsePaxRecords(body: Uint8Array): readonly PaxRecord[] {
  const records: PaxRecord[] = [];
  let at = 0;
  while (at < body.length) {
    const blank = body.indexOf(space, at);
    const length = blank < 0 ? Number.NaN : parseDecimal(byteString(body.subarray(at, blank)));
    const end = at + length;
    const middle = body.indexOf(equals, blank);
    // The comparisons fail for NaN too.
    if (!(end <= body.length && middle > blank + 1 && middle < end - 1 && body[end - 1] === newline)) {
      throw new RuntimeError(
        'ARCHIVE_INVALID',
        `a PAX header has a malformed record at byte ${at}: ${quote(Buffer.from(body.subarray(at, at + 40)).toString('utf8'))}`,
      );
    }
    const key = byteString(body.subarray(blank + 1, middle));
    if (key.includes('\0')) {
      throw new RuntimeError('ARCHIVE_INVALID', `a PAX header has a NUL in its key ${quoteBytes(key)}`);
    }
    records.push({ key, value: body.subarray(middle + 1, end - 1) });
    at = end;
  }
  return records;
}

/**
 * Reads a plain decimal number of at most 15 digits; anything else is NaN, which fails every comparison.
 */
export function parseDecimal(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}
