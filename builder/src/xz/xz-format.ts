import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';

// The .xz File Format 1.2.0 (tukaani.org/xz/xz-file-format.txt).

export const streamHeaderBytes = 12;
const magic = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]);

/** Sizes of the checks behind blocks, by their numbers (section 2.1.1.2). */
const checkSizes = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];

/** What the index says of a block (section 4.3). */
export type BlockRecord = {
  /** With its header and its check, without the padding between. */
  readonly unpaddedBytes: number;
  readonly contentBytes: number;
};

/** The size of the checks in a stream; undefined for what is no stream header. */
export function checkBytesOf(header: Buffer): number | undefined {
  if (header.byteLength !== streamHeaderBytes || !header.subarray(0, 6).equals(magic)) return undefined;
  const flags = header.subarray(6, 8);
  const isWhole = header.readUInt32LE(8) === crc32(flags);
  return isWhole && flags[0] === 0 ? checkSizes[flags[1] ?? 16] : undefined;
}

/** What a block's header says of its sizes (section 3.1); undefined if it says none of them, or is damaged. */
export function blockSizesOf(
  header: Buffer,
): { readonly packedBytes: number; readonly contentBytes: number } | undefined {
  const end = header.byteLength - 4;
  const flags = header[1] ?? 0;
  if ((flags & 0xc0) !== 0xc0 || header.readUInt32LE(end) !== crc32(header.subarray(0, end)))
    return undefined;
  const packed = numberAt(header, 2);
  const content = packed && numberAt(header, packed.next);
  if (packed === undefined || content === undefined || content.next > end) return undefined;
  return { packedBytes: packed.value, contentBytes: content.value };
}

/** The index and the footer that a stream of these blocks ends with (sections 2.1.2 and 4). */
export function streamEnd(header: Buffer, records: readonly BlockRecord[]): Buffer {
  const fields = records.flatMap(({ unpaddedBytes, contentBytes }) => [
    ...encodedNumber(unpaddedBytes),
    ...encodedNumber(contentBytes),
  ]);
  const listed = Buffer.from([0, ...encodedNumber(records.length), ...fields]);
  const padded = Buffer.concat([listed, Buffer.alloc(paddingOf(listed.byteLength))]);
  const backward = Buffer.alloc(6);
  backward.writeUInt32LE(padded.byteLength / 4);
  header.copy(backward, 4, 6, 8);
  return Buffer.concat([padded, checksum(padded), checksum(backward), backward, Buffer.from('YZ')]);
}

/** How many zero bytes follow something of this size. */
export function paddingOf(sizeBytes: number): number {
  return (4 - (sizeBytes % 4)) % 4;
}

function checksum(bytes: Uint8Array): Buffer {
  const result = Buffer.alloc(4);
  result.writeUInt32LE(crc32(bytes));
  return result;
}

// Section 1.2: seven bits a byte, the lowest first. Sizes beyond 2^49 are those of no file.
function numberAt(
  bytes: Buffer,
  begin: number,
): { readonly value: number; readonly next: number } | undefined {
  let value = 0;
  for (let count = 0; count < 7; count += 1) {
    const byte = bytes[begin + count];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * count);
    if (byte < 0x80) return { value, next: begin + count + 1 };
  }
  return undefined;
}

function encodedNumber(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return [...bytes, rest];
}
