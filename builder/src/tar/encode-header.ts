import { Buffer } from 'node:buffer';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { encodePaxRecords, type PaxRecord } from './pax-records.ts';
import type { TarEntry } from './tar-entry.ts';

/** Size of a tar block in bytes; headers are one, contents are filled up to whole ones. */
export const blockBytes = 512;

const typeFlags: { readonly [type in TarEntry['type'] | 'pax']: string } = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  directory: '5',
  pax: 'x',
};

// The widest number that a field of so many octal digits holds.
const maxId = 0o7777777;
const maxSizeOrTime = 0o77777777777;

type UstarFields = {
  readonly name: Uint8Array;
  readonly prefix?: Uint8Array;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly typeFlag: string;
  readonly link?: Uint8Array;
};

/**
 * The header of an entry: a ustar block (POSIX.1-1988), before it a pax extended header for whatever a ustar
 * block can't hold: long or non-ASCII names, large ids and sizes, extended attributes. The same entry always
 * gives the same bytes.
 *
 * @throws BuilderError TAR_INVALID for a value that tar can't express
 */
export function encodeTarHeader(entry: TarEntry): Uint8Array {
  checkEntry(entry);
  const path = entry.type === 'directory' ? `${entry.path}/` : entry.path;
  const link = entry.linkTarget ?? '';
  const split = isAscii(path) ? splitName(path) : undefined;
  const records: PaxRecord[] = [];
  if (split === undefined) records.push(['path', path]);
  if (!isAscii(link) || link.length > 100) records.push(['linkpath', link]);
  if (entry.uid > maxId) records.push(['uid', String(entry.uid)]);
  if (entry.gid > maxId) records.push(['gid', String(entry.gid)]);
  if (entry.sizeBytes > maxSizeOrTime) records.push(['size', String(entry.sizeBytes)]);
  if (entry.mtimeSeconds > maxSizeOrTime) records.push(['mtime', String(entry.mtimeSeconds)]);
  for (const name of [...(entry.xattrs?.keys() ?? [])].sort()) {
    records.push([`SCHILY.xattr.${name}`, entry.xattrs?.get(name) ?? '']);
  }
  const header = encodeUstar({
    name: Buffer.from(split?.name ?? cutAtCharacter(path)),
    prefix: Buffer.from(split?.prefix ?? ''),
    mode: entry.mode,
    // A reader that knows pax takes the record; for any other, 0 is better than a number cut short.
    uid: entry.uid > maxId ? 0 : entry.uid,
    gid: entry.gid > maxId ? 0 : entry.gid,
    size: entry.sizeBytes > maxSizeOrTime ? 0 : entry.sizeBytes,
    mtime: entry.mtimeSeconds > maxSizeOrTime ? 0 : entry.mtimeSeconds,
    typeFlag: typeFlags[entry.type],
    link: Buffer.from(cutAtCharacter(link)),
  });
  return records.length === 0 ? header : Buffer.concat([encodePaxHeader(records), header]);
}

/** The zero bytes that follow a content of this size. */
export function padding(sizeBytes: number): Uint8Array {
  return new Uint8Array((blockBytes - (sizeBytes % blockBytes)) % blockBytes);
}

/** What ends every archive: two blocks of zero bytes. */
export function endOfArchive(): Uint8Array {
  return new Uint8Array(2 * blockBytes);
}

function encodePaxHeader(records: readonly PaxRecord[]): Uint8Array {
  const body = encodePaxRecords(records);
  const name = Buffer.from('PaxHeaders/entry');
  const fields = { mode: 0o644, uid: 0, gid: 0, mtime: 0, typeFlag: typeFlags.pax };
  return Buffer.concat([
    encodeUstar({ ...fields, name, size: body.byteLength }),
    body,
    padding(body.byteLength),
  ]);
}

function encodeUstar(fields: UstarFields): Uint8Array {
  const block = Buffer.alloc(blockBytes);
  block.set(fields.name, 0);
  block.write(octal(fields.mode, 7), 100);
  block.write(octal(fields.uid, 7), 108);
  block.write(octal(fields.gid, 7), 116);
  block.write(octal(fields.size, 11), 124);
  block.write(octal(fields.mtime, 11), 136);
  block.write(' '.repeat(8), 148);
  block.write(fields.typeFlag, 156);
  block.set(fields.link ?? [], 157);
  block.write('ustar\x0000', 257);
  block.write(octal(0, 7), 329);
  block.write(octal(0, 7), 337);
  block.set(fields.prefix ?? [], 345);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${octal(sum, 6)}\0 `, 148);
  return block;
}

/** The name and prefix fields of a path that fits them: at most 155 bytes, a slash, at most 100 bytes. */
function splitName(path: string): { readonly name: string; readonly prefix: string } | undefined {
  if (path.length <= 100) return { name: path, prefix: '' };
  const slash = path.indexOf('/', path.length - 101);
  if (slash < 1 || slash > 155 || slash === path.length - 1) return undefined;
  return { name: path.slice(slash + 1), prefix: path.slice(0, slash) };
}

/** The longest beginning of at most 100 bytes that ends with a whole character. */
function cutAtCharacter(text: string): string {
  const bytes = Buffer.from(text);
  let end = Math.min(bytes.byteLength, 100);
  while (end > 0 && end < bytes.byteLength && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) if (text.charCodeAt(index) > 0x7e) return false;
  return true;
}

function checkEntry(entry: TarEntry): void {
  const { path, linkTarget, mode, type, sizeBytes } = entry;
  const numbers = [mode, entry.uid, entry.gid, entry.mtimeSeconds, sizeBytes];
  const isLink = type === 'symlink' || type === 'hardlink';
  if (
    !isTarText(path) ||
    path.startsWith('/') ||
    path.endsWith('/') ||
    isLink !== (linkTarget !== undefined) ||
    (linkTarget !== undefined && !isTarText(linkTarget)) ||
    numbers.some((value) => !Number.isSafeInteger(value) || value < 0) ||
    mode > 0o7777 ||
    // The keyword of a pax record ends at its first "=".
    [...(entry.xattrs?.keys() ?? [])].some((name) => !isTarText(name) || name.includes('=')) ||
    (type !== 'file' && sizeBytes !== 0)
  ) {
    throw new BuilderError('TAR_INVALID', `${type} ${quote(path)} can't be written to a tar`);
  }
}

function isTarText(text: string): boolean {
  return text !== '' && !text.includes('\0') && text.isWellFormed();
}
