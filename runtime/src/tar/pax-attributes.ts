import { RuntimeError } from '../runtime-error.ts';
import { type ByteString, byteString, byteStringOf, quoteBytes } from './byte-string.ts';
import { type PaxRecord, parseDecimal } from './pax-records.ts';
import { decodeLibarchiveName, decodeLibarchiveValue } from './pax-xattr.ts';
import { tarLimits } from './tar-limits.ts';

/** What PAX records say of a member; undefined where they say nothing and the header block counts. */
export type PaxAttributes = {
  path?: ByteString;
  linkTarget?: ByteString;
  size?: number;
  uid?: number;
  gid?: number;
  mtime?: { readonly seconds: number; readonly nanoseconds: number };
  readonly xattrs: Map<ByteString, Uint8Array>;
  sparse?: PaxSparse;
};

/** The `GNU.sparse.*` records of versions 0.0, 0.1 and 1.0. */
export type PaxSparse = {
  major?: number;
  minor?: number;
  /** Size of the file as it will be read. */
  realSize?: number;
  name?: ByteString;
  /** Offsets and sizes in turn, as versions 0.0 and 0.1 write them. */
  map: number[];
};

const schilyXattr = 'SCHILY.xattr.';
const libarchiveXattr = 'LIBARCHIVE.xattr.';

/** What no record has said anything about yet. */
export function noPaxAttributes(): PaxAttributes {
  return { xattrs: new Map() };
}

/**
 * Applies records to what earlier ones said: later records win, and an empty value takes back an earlier one
 * (POSIX.1, pax). Keys that say nothing of the file tree (user names, access times, comments, …) are passed
 * over, and so are access control lists in star's text form, which other container runtimes do not know either.
 *
 * @throws RuntimeError ARCHIVE_INVALID, ARCHIVE_LIMIT
 */
export function applyPaxRecords(before: PaxAttributes, records: readonly PaxRecord[]): PaxAttributes {
  const result: PaxAttributes = { ...before, xattrs: new Map(before.xattrs) };
  for (const record of records) apply(result, record);
  return result;
}

function apply(result: PaxAttributes, { key, value }: PaxRecord): void {
  if (key.startsWith(schilyXattr)) {
    setXattr(result, key.slice(schilyXattr.length) as ByteString, Uint8Array.from(value));
    return;
  }
  if (key.startsWith(libarchiveXattr)) {
    const name = decodeLibarchiveName(key.slice(libarchiveXattr.length));
    // bsdtar writes both forms; the other one needs no decoding, so it wins.
    if (!result.xattrs.has(name)) setXattr(result, name, decodeLibarchiveValue(name, value));
    return;
  }
  if (key.startsWith('GNU.sparse.')) {
    applySparse(result, key, value);
    return;
  }
  const isEmpty = value.length === 0;
  switch (key as string) {
    case 'path':
      assign(result, 'path', isEmpty ? undefined : paxText(key, value));
      return;
    case 'linkpath':
      assign(result, 'linkTarget', isEmpty ? undefined : paxText(key, value));
      return;
    case 'size':
    case 'uid':
    case 'gid':
      assign(result, key as 'size' | 'uid' | 'gid', isEmpty ? undefined : paxNumber(key, value));
      return;
    case 'mtime':
      assign(result, 'mtime', isEmpty ? undefined : paxTime(key, value));
  }
}

function applySparse(result: PaxAttributes, key: ByteString, value: Uint8Array): void {
  result.sparse ??= { map: [] };
  const { sparse } = result;
  switch (key as string) {
    case 'GNU.sparse.major':
      sparse.major = paxNumber(key, value);
      return;
    case 'GNU.sparse.minor':
      sparse.minor = paxNumber(key, value);
      return;
    case 'GNU.sparse.size':
    case 'GNU.sparse.realsize':
      sparse.realSize = paxNumber(key, value);
      return;
    case 'GNU.sparse.name':
      sparse.name = paxText(key, value);
      return;
    case 'GNU.sparse.map':
      sparse.map =
        value.length === 0
          ? []
          : byteString(value)
              .split(',')
              .map((text) => sparseNumber(key, text));
      break;
    case 'GNU.sparse.offset':
    case 'GNU.sparse.numbytes':
      // Version 0.0 repeats these two in turn.
      if ((sparse.map.length % 2 === 0) !== (key === byteStringOf('GNU.sparse.offset')))
        throw invalid(key, value);
      sparse.map.push(paxNumber(key, value));
      break;
    default:
      // GNU.sparse.numblocks says what the map says too.
      return;
  }
  if (sparse.map.length > 2 * tarLimits.sparsePieces) {
    throw new RuntimeError(
      'ARCHIVE_LIMIT',
      `a sparse file in the archive has more than the ${tarLimits.sparsePieces} pieces allowed`,
    );
  }
}

function setXattr(result: PaxAttributes, name: ByteString, value: Uint8Array): void {
  if (name === '' || name.length > tarLimits.xattrNameBytes || value.length > tarLimits.xattrValueBytes) {
    throw new RuntimeError(
      'ARCHIVE_LIMIT',
      `the extended attribute ${quoteBytes(name)} of ${value.length} bytes in the archive has a name of 0 or more than ${tarLimits.xattrNameBytes} bytes or a value of more than ${tarLimits.xattrValueBytes}`,
    );
  }
  result.xattrs.set(name, value);
  if (result.xattrs.size > tarLimits.xattrs) {
    throw new RuntimeError(
      'ARCHIVE_LIMIT',
      `a member of the archive has more than the ${tarLimits.xattrs} extended attributes allowed`,
    );
  }
}

function assign<Key extends 'path' | 'linkTarget' | 'size' | 'uid' | 'gid' | 'mtime'>(
  result: PaxAttributes,
  key: Key,
  value: PaxAttributes[Key] | undefined,
): void {
  if (value === undefined) delete result[key];
  else result[key] = value;
}

function paxText(key: ByteString, value: Uint8Array): ByteString {
  const text = byteString(value);
  if (text.includes('\0')) throw invalid(key, value);
  return text;
}

function paxNumber(key: ByteString, value: Uint8Array): number {
  return sparseNumber(key, byteString(value));
}

function sparseNumber(key: ByteString, text: string): number {
  const number = parseDecimal(text);
  if (Number.isNaN(number)) throw invalid(key, Buffer.from(text, 'latin1'));
  return number;
}

// `-1.25` is 2 seconds before 1970 and 750,000,000 nanoseconds after that; digits past the ninth are dropped.
function paxTime(key: ByteString, value: Uint8Array): { seconds: number; nanoseconds: number } {
  const match = /^(-?)(\d{1,15})(?:\.(\d{0,100}))?$/.exec(byteString(value));
  if (match === null) throw invalid(key, value);
  const whole = Number(match[2]);
  const nanoseconds = Number((match[3] ?? '').slice(0, 9).padEnd(9, '0'));
  if (match[1] === '') return { seconds: whole, nanoseconds };
  if (nanoseconds === 0) return { seconds: 0 - whole, nanoseconds: 0 };
  return { seconds: -whole - 1, nanoseconds: 1_000_000_000 - nanoseconds };
}

function invalid(key: ByteString, value: Uint8Array): RuntimeError {
  return new RuntimeError(
    'ARCHIVE_INVALID',
    `a PAX header has ${quoteBytes(byteString(value))} as ${quoteBytes(key)}`,
  );
}
