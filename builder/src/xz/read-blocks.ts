import { Buffer } from 'node:buffer';
import type { ByteReader } from '../deb/byte-reader.ts';
import {
  type BlockRecord,
  blockSizesOf,
  checkBytesOf,
  paddingOf,
  streamEnd,
  streamHeaderBytes,
} from './xz-format.ts';

/** A part of an xz file that can be decompressed without the rest of it. Its source is read before the next one. */
export type XzPart =
  /** A block, as a file of its own, and how long it says that it and its content are. */
  | {
      readonly kind: 'block';
      readonly source: AsyncIterable<Uint8Array>;
      readonly fileBytes: number;
      readonly contentBytes: number;
    }
  /** All that is left, where it can't be taken apart. */
  | { readonly kind: 'rest'; readonly source: AsyncIterable<Uint8Array> };

/** What is wrong with a file. */
export class XzDamagedError extends Error {
  override readonly name = 'XzDamagedError';
}

/** The library decompresses a whole piece at once, which may become 7000 times as long. */
const pieceBytes = 16 * 1024;

/**
 * Takes an xz file apart, as far as its blocks say how long they are: those that several threads have compressed do.
 * Everything around the blocks is checked here, the blocks themselves where they are decompressed.
 *
 * @throws XzDamagedError
 */
export async function* readBlocks(reader: ByteReader): AsyncGenerator<XzPart, void, undefined> {
  for (let isFirst = true; ; isFirst = false) {
    const header = await nextHeader(reader, isFirst);
    if (header === undefined) return;
    const checkBytes = checkBytesOf(header);
    const first = checkBytes === undefined ? Buffer.alloc(0) : await readBlockHeader(reader);
    if (checkBytes === undefined || blockSizesOf(first) === undefined) {
      yield { kind: 'rest', source: joined(Buffer.concat([header, first]), restOf(reader)) };
      return;
    }
    yield* readStream(reader, { header, checkBytes, first });
  }
}

/** The header of the next stream, behind the padding of the one before; undefined at the end of the file. */
async function nextHeader(reader: ByteReader, isFirst: boolean): Promise<Buffer | undefined> {
  let begin = await reader.exactly(4);
  while (!isFirst && begin.byteLength === 4 && begin.readUInt32LE() === 0) begin = await reader.exactly(4);
  if (!isFirst && begin.byteLength === 0) return undefined;
  return Buffer.concat([begin, await reader.exactly(streamHeaderBytes - begin.byteLength)]);
}

type Stream = { readonly header: Buffer; readonly checkBytes: number; readonly first: Buffer };

async function* readStream(
  reader: ByteReader,
  { header, checkBytes, first }: Stream,
): AsyncGenerator<XzPart, void, undefined> {
  const records: BlockRecord[] = [];
  // The index begins where a block would, with a byte that no block begins with.
  for (let blockHeader = first; blockHeader[0] !== 0; blockHeader = await readBlockHeader(reader)) {
    const sizes = blockSizesOf(blockHeader);
    if (sizes === undefined) {
      throw new XzDamagedError('a block does not say how long it is, as those before it do');
    }
    const { packedBytes, contentBytes } = sizes;
    const record = { unpaddedBytes: blockHeader.byteLength + packedBytes + checkBytes, contentBytes };
    records.push(record);
    const begin = Buffer.concat([header, blockHeader]);
    const bodyBytes = packedBytes + paddingOf(packedBytes) + checkBytes;
    const end = streamEnd(header, [record]);
    yield {
      kind: 'block',
      source: joined(begin, bodyOf(reader, bodyBytes), end),
      fileBytes: begin.byteLength + bodyBytes + end.byteLength,
      contentBytes,
    };
  }
  const expected = streamEnd(header, records).subarray(1);
  const end = await reader.exactly(expected.byteLength);
  if (!end.equals(expected)) throw new XzDamagedError('its index does not fit its blocks');
}

/** The header of a block (section 3.1), or the byte 0 that the index begins with. */
async function readBlockHeader(reader: ByteReader): Promise<Buffer> {
  const size = await reader.exactly(1);
  if (size[0] === 0) return size;
  const restBytes = ((size[0] ?? 0) + 1) * 4 - 1;
  const rest = await reader.exactly(restBytes);
  if (rest.byteLength < restBytes) throw new XzDamagedError('the file is cut off');
  return Buffer.concat([size, rest]);
}

async function* bodyOf(reader: ByteReader, sizeBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let left = sizeBytes; left > 0; ) {
    const piece = await reader.upTo(Math.min(left, pieceBytes));
    if (piece === undefined) throw new XzDamagedError('the file is cut off');
    left -= piece.byteLength;
    yield piece;
  }
}

async function* restOf(reader: ByteReader): AsyncGenerator<Uint8Array, void, undefined> {
  for (
    let piece = await reader.upTo(pieceBytes);
    piece !== undefined;
    piece = await reader.upTo(pieceBytes)
  ) {
    yield piece;
  }
}

async function* joined(
  ...parts: readonly (Uint8Array | AsyncIterable<Uint8Array>)[]
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const part of parts) {
    if (part instanceof Uint8Array) yield part;
    else yield* part;
  }
}
