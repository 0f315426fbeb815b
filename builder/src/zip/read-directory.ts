import type { FileHandle } from 'node:fs/promises';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import type { ZipEntry } from './zip-entry.ts';

const endBytes = 22;
const maxCommentBytes = 65_535;
const entryBytes = 46;
const maxEntries = 200_000;
const maxDirectoryBytes = 64 * 1024 * 1024;
// 16 GiB, as for what packages unpack to.
const maxContentBytes = 16 * 1024 ** 3;
const signatures = { end: 0x0605_4b50, entry: 0x0201_4b50 } as const;
const isEncrypted = 1;
/** Unix permissions are in the upper half of the external attributes, behind the type of the file. */
const types = { mask: 0o170000, folder: 0o040000, file: 0o100000 } as const;

/**
 * The members of a zip archive by its central directory.
 *
 * @throws BuilderError ZIP_INVALID
 */
export async function readDirectory(file: FileHandle, name: string): Promise<readonly ZipEntry[]> {
  const invalid = (problem: string) => new BuilderError('ZIP_INVALID', `${quote(name)} ${problem}`);
  const { size } = await file.stat();
  const tailBytes = Math.min(size, endBytes + maxCommentBytes);
  const tail = await readExactly(file, size - tailBytes, tailBytes);
  const end = findEnd(tail);
  if (end === undefined) throw invalid('is no zip archive, or is cut off');
  const [count, directoryBytes, offset] = [
    tail.readUInt16LE(end + 10),
    tail.readUInt32LE(end + 12),
    tail.readUInt32LE(end + 16),
  ];
  if (count === 0xffff || offset === 0xffff_ffff)
    throw invalid('is larger than a zip archive of 4 GB and 65534 members');
  if (tail.readUInt32LE(end + 4) !== 0 || tail.readUInt16LE(end + 8) !== count)
    throw invalid('is in several parts');
  const endAt = size - tailBytes + end;
  // What stands before the archive, such as a script that starts it, may or may not be counted.
  const shift = endAt - directoryBytes - offset;
  if (shift < 0 || directoryBytes > maxDirectoryBytes || count > maxEntries)
    throw invalid('has a damaged directory');
  const directory = await readExactly(file, endAt - directoryBytes, directoryBytes);
  const entries: ZipEntry[] = [];
  let at = 0;
  for (let index = 0; index < count; index += 1) {
    if (at + entryBytes > directory.byteLength || directory.readUInt32LE(at) !== signatures.entry) {
      throw invalid('has a damaged directory');
    }
    const lengths = [28, 30, 32].map((field) => directory.readUInt16LE(at + field));
    const next = at + entryBytes + lengths.reduce((sum, length) => sum + length, 0);
    if (next > directory.byteLength) throw invalid('has a damaged directory');
    entries.push(readEntry(directory.subarray(at, next), shift, invalid));
    at = next;
  }
  if (at !== directory.byteLength) throw invalid('has a damaged directory');
  checkTogether(entries, endAt - directoryBytes, invalid);
  return entries;
}

/** The end record, which must end the file with its comment. */
function findEnd(tail: Buffer): number | undefined {
  for (let at = tail.byteLength - endBytes; at >= 0; at -= 1) {
    if (
      tail.readUInt32LE(at) === signatures.end &&
      at + endBytes + tail.readUInt16LE(at + 20) === tail.byteLength
    ) {
      return at;
    }
  }
  return undefined;
}

function readEntry(bytes: Buffer, shift: number, invalid: (problem: string) => BuilderError): ZipEntry {
  const nameBytes = bytes.readUInt16LE(28);
  const written = decodeName(bytes.subarray(entryBytes, entryBytes + nameBytes));
  const path = written?.replace(/\/$/, '') ?? '';
  const shown = quote(written ?? bytes.toString('latin1', entryBytes, entryBytes + nameBytes));
  if (!isSafe(path)) throw invalid(`has ${shown}, which is no path below a folder`);
  const [flags, method] = [bytes.readUInt16LE(8), bytes.readUInt16LE(10)];
  if ((flags & isEncrypted) !== 0) throw invalid(`has ${shown} encrypted`);
  if (method !== 0 && method !== 8)
    throw invalid(`has ${shown} compressed in a way that is not known (${method})`);
  const [crc32, packedBytes, sizeBytes] = [16, 20, 24].map((field) => bytes.readUInt32LE(field));
  const mode = bytes.readUInt32LE(38) >>> 16;
  const type = mode & types.mask;
  const isFolder = written?.endsWith('/') === true;
  if (type !== 0 && type !== (isFolder ? types.folder : types.file)) {
    throw invalid(`has ${shown}, which is neither a file nor a folder`);
  }
  if (packedBytes === 0xffff_ffff || sizeBytes === 0xffff_ffff)
    throw invalid(`has ${shown}, which is larger than 4 GB`);
  return {
    path,
    isFolder,
    isExecutable: (mode & 0o100) !== 0,
    method: method === 0 ? 'stored' : 'deflated',
    crc32: crc32 ?? 0,
    packedBytes: packedBytes ?? 0,
    sizeBytes: sizeBytes ?? 0,
    offset: bytes.readUInt32LE(42) + shift,
  };
}

function decodeName(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function isSafe(path: string): boolean {
  const parts = path.split('/');
  return parts.every((part) => part !== '' && part !== '.' && part !== '..') && !/[\0\\]/.test(path);
}

/** Members must have names of their own and not share bytes, and not unpack to more than anybody needs. */
function checkTogether(
  entries: readonly ZipEntry[],
  directoryAt: number,
  invalid: (problem: string) => BuilderError,
): void {
  const names = new Set<string>();
  let total = 0;
  for (const { path, sizeBytes } of entries) {
    if (names.has(path)) throw invalid(`has ${quote(path)} twice`);
    names.add(path);
    total += sizeBytes;
  }
  if (total > maxContentBytes) throw invalid(`unpacks to more than ${maxContentBytes} bytes`);
  const sorted = entries.toSorted((a, b) => a.offset - b.offset);
  for (const [index, { path, offset, packedBytes }] of sorted.entries()) {
    const next = sorted[index + 1]?.offset ?? directoryAt;
    if (offset + packedBytes > next) throw invalid(`has ${quote(path)} where something else is, too`);
  }
}

async function readExactly(file: FileHandle, offset: number, sizeBytes: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(sizeBytes), 0, sizeBytes, offset);
  return buffer.subarray(0, bytesRead);
}
