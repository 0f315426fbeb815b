import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { inflate } from './inflate.ts';
import { readDirectory } from './read-directory.ts';
import type { ZipEntry } from './zip-entry.ts';

/** A zip archive in a file. Its members are read as they are wanted, each time from the beginning. */
export type ZipFile = {
  /** In the order of the archive. */
  readonly entries: readonly ZipEntry[];
  /**
   * The content of a member, checked against its size and checksum before its end is reported.
   *
   * @throws BuilderError ZIP_INVALID
   */
  read(entry: ZipEntry): AsyncGenerator<Uint8Array, void, undefined>;
};

const localHeaderBytes = 30;
const pieceBytes = 256 * 1024;

/**
 * Opens a zip archive (APPNOTE 6.3), strictly: what two readers could understand differently is refused.
 *
 * @param name how messages name it
 * @throws BuilderError ZIP_INVALID
 */
export async function openZip(location: string, name: string): Promise<ZipFile> {
  await using file = await open(location);
  const entries = await readDirectory(file, name);
  return { entries, read: (entry) => readMember(location, name, entry) };
}

async function* readMember(
  location: string,
  name: string,
  entry: ZipEntry,
): AsyncGenerator<Uint8Array, void, undefined> {
  await using file = await open(location);
  const start = await contentStart(file, name, entry);
  const packed = piecesOf(file, start, entry.packedBytes);
  let [sum, sizeBytes] = [0, 0];
  for await (const chunk of entry.method === 'stored'
    ? packed
    : inflate(packed, invalid(name, entry, 'is damaged'))) {
    sum = crc32(chunk, sum);
    sizeBytes += chunk.byteLength;
    if (sizeBytes > entry.sizeBytes)
      throw invalid(name, entry, `is longer than its ${entry.sizeBytes} bytes`);
    yield chunk;
  }
  if (sizeBytes !== entry.sizeBytes || sum !== entry.crc32) throw invalid(name, entry, 'is damaged');
}

/** Where a member's content begins, behind the header that repeats its name. */
async function contentStart(file: FileHandle, name: string, entry: ZipEntry): Promise<number> {
  const { buffer, bytesRead } = await file.read(
    Buffer.alloc(localHeaderBytes),
    0,
    localHeaderBytes,
    entry.offset,
  );
  if (bytesRead !== localHeaderBytes || buffer.readUInt32LE(0) !== 0x0403_4b50) {
    throw invalid(name, entry, 'is not where the directory says');
  }
  const nameBytes = buffer.readUInt16LE(26);
  const written = await file.read(Buffer.alloc(nameBytes), 0, nameBytes, entry.offset + localHeaderBytes);
  const local = written.buffer.toString('utf8').replace(/\/$/, '');
  if (local !== entry.path) throw invalid(name, entry, `is ${quote(local)} in its own header`);
  return entry.offset + localHeaderBytes + nameBytes + buffer.readUInt16LE(28);
}

async function* piecesOf(file: FileHandle, start: number, sizeBytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < sizeBytes; ) {
    const wanted = Math.min(pieceBytes, sizeBytes - at);
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, start + at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

function invalid(name: string, { path }: ZipEntry, problem: string): BuilderError {
  return new BuilderError('ZIP_INVALID', `${quote(path)} in ${quote(name)} ${problem}`);
}
