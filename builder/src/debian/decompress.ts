import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { decompressXz } from '../xz.ts';

/** An index of Debian's has 60 MB. */
const maxBytes = 1024 * 1024 * 1024;

/** Pieces grow to 7000 times their size at most when they are decompressed, so small ones are given. */
const pieceBytes = 16 * 1024;

/**
 * Decompresses a file of an archive that is in memory, by the ending of its name: `.xz`, `.gz` or none.
 *
 * @param what how messages name the file
 * @throws RangeError beyond 1 GiB; the libraries' errors for content that is damaged or cut off
 */
export async function* decompress(
  bytes: Uint8Array,
  what: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  let size = 0;
  for await (const piece of open(Readable.from(pieces(bytes)), what)) {
    size += piece.byteLength;
    if (size > maxBytes) throw new RangeError(`more than ${maxBytes} bytes when decompressed`);
    yield piece;
  }
}

function open(source: Readable, what: string): AsyncIterable<Uint8Array> {
  if (what.endsWith('.xz')) return decompressXz(source, { maxBytes, what });
  return what.endsWith('.gz') ? source.pipe(createGunzip()) : source;
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let offset = 0; offset < bytes.byteLength; offset += pieceBytes) {
    yield bytes.subarray(offset, offset + pieceBytes);
  }
}
