import { quote } from '@img/spec/quote';
import { RegistryError } from '../registry-error.ts';

export const blockBytes = 512;

/** What the index of an archive needs of a header. */
export type TarHeader = {
  /** The type flag; `0` for the NUL of old archives. */
  readonly type: string;
  readonly name: string;
  readonly linkName: string;
  readonly sizeBytes: number;
};

/**
 * Reads one header block (POSIX.1-2017, pax, "ustar Interchange Format"); undefined for a block of zeros.
 *
 * @param where how messages name the place
 * @throws RegistryError ARCHIVE_INVALID
 */
export function parseTarHeader(block: Uint8Array, where: string): TarHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  if (octal(block.subarray(148, 156), where) !== checksum(block)) {
    throw new RegistryError('ARCHIVE_INVALID', `${where} should be a tar header but has another checksum`);
  }
  const flag = String.fromCharCode(block[156] ?? 0);
  const isPosix = text(block.subarray(257, 265)) === 'ustar';
  const prefix = isPosix ? text(block.subarray(345, 500)) : '';
  const name = text(block.subarray(0, 100));
  return {
    type: flag === '\0' ? '0' : flag,
    name: prefix === '' ? name : `${prefix}/${name}`,
    linkName: text(block.subarray(157, 257)),
    sizeBytes: number(block.subarray(124, 136), where),
  };
}

/** Reads the records of a pax header: `<length> <key>=<value>\n` each. @throws RegistryError ARCHIVE_INVALID */
export function parsePaxRecords(bytes: Uint8Array, where: string): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.byteLength; ) {
    const length = Number(/^(\d{1,9}) /.exec(text(bytes.subarray(at, at + 10)))?.[1]);
    const record = new TextDecoder().decode(bytes.subarray(at, at + length));
    const [, key, value] = /^\d+ ([^=]+)=(.*)\n$/s.exec(record) ?? [];
    if (key === undefined || value === undefined || at + length > bytes.byteLength) {
      throw new RegistryError('ARCHIVE_INVALID', `${where} has a malformed pax header`);
    }
    records.set(key, value);
    at += length;
  }
  return records;
}

/**
 * The header blocks of a regular file: owned by root, readable by all, of the year 1970. A name that doesn't fit
 * into a header comes before it in a pax record.
 */
export function encodeTarHeader(name: string, sizeBytes: number): Uint8Array {
  const isLong = name.length > 100;
  const file = headerBlock(isLong ? name.slice(0, 100) : name, sizeBytes, '0');
  if (!isLong) return file;
  const record = paxRecord('path', name);
  return Buffer.concat([headerBlock('pax', record.byteLength, 'x'), padded(record), file]);
}

/** The bytes followed by zeros up to the next block. */
export function padded(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(Math.ceil(bytes.byteLength / blockBytes) * blockBytes);
  whole.set(bytes);
  return whole;
}

function headerBlock(name: string, sizeBytes: number, type: '0' | 'x'): Uint8Array {
  // Eleven octal digits hold 8 GiB; GNU tar, libarchive and Go read larger sizes in binary.
  const isBinary = sizeBytes >= 8 ** 11;
  const block = Buffer.alloc(blockBytes);
  block.write(name, 0, 'latin1');
  block.write('0000644\x000000000\x000000000\0', 100);
  if (isBinary) {
    block[124] = 0x80;
    block.writeBigUInt64BE(BigInt(sizeBytes), 128);
  } else {
    block.write(`${sizeBytes.toString(8).padStart(11, '0')}\0`, 124);
  }
  block.write(`${'0'.repeat(11)}\0${' '.repeat(8)}${type}`, 136);
  block.write('ustar\x0000', 257);
  block.write(`${checksum(block).toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function paxRecord(key: string, value: string): Uint8Array {
  const rest = ` ${key}=${value}\n`;
  // The length counts itself.
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return new TextEncoder().encode(`${length}${rest}`);
}

function checksum(block: Uint8Array): number {
  let sum = 8 * 0x20;
  for (const [index, byte] of block.entries()) if (index < 148 || index >= 156) sum += byte;
  return sum;
}

/** Octal digits, or the binary form that GNU tar uses for sizes of 8 GiB and more. */
function number(field: Uint8Array, where: string): number {
  if ((field[0] ?? 0) !== 0x80) return octal(field, where);
  let value = 0;
  for (const byte of field.subarray(1)) value = value * 256 + byte;
  if (Number.isSafeInteger(value)) return value;
  throw new RegistryError('ARCHIVE_INVALID', `${where} has a size that no file has`);
}

function octal(field: Uint8Array, where: string): number {
  const digits = text(field).trim();
  if (/^[0-7]{0,12}$/.test(digits)) return Number.parseInt(digits || '0', 8);
  throw new RegistryError('ARCHIVE_INVALID', `${where} has ${quote(digits)} where an octal number should be`);
}

/** Up to the first NUL, which ends a string in a header. */
function text(field: Uint8Array): string {
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}
