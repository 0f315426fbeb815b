import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';
import { type ByteString, emptyByteString, quoteBytes } from './byte-string.ts';
import { applyPaxRecords, type PaxAttributes } from './pax-attributes.ts';
import type { PaxRecord } from './pax-records.ts';
import { type SparseRange, sparsePieces, sparseRanges } from './sparse-map.ts';
import type { TarEntry, TarEntryKind } from './tar-entry.ts';
import type { TarHeader } from './tar-header.ts';
import { tarLimits } from './tar-limits.ts';

/** What came before a member's own header block and belongs to it. */
export type MemberPrefix = {
  readonly records?: readonly PaxRecord[];
  /** Bodies of GNU's `L` and `K` members. */
  readonly longPath?: ByteString;
  readonly longLink?: ByteString;
};

/** A member whose content, or the map before it, comes next. */
export type TarMember = {
  readonly header: TarHeader;
  readonly kind: TarEntryKind;
  readonly prefix: MemberPrefix;
  readonly attributes: PaxAttributes;
  /** Bytes that follow the headers: content and, for GNU sparse 1.0, the map before it. */
  readonly storedBytes: number;
  /** How the ranges of a sparse file are given; undefined for a file that is stored whole. */
  readonly sparse: 'old-gnu' | 'pax' | 'map-before-content' | undefined;
};

/**
 * Puts together what the headers of a member say.
 *
 * @throws RuntimeError ARCHIVE_INVALID, ARCHIVE_LIMIT, ARCHIVE_UNSUPPORTED
 */
export function tarMember(
  header: TarHeader,
  prefix: MemberPrefix,
  globalAttributes: PaxAttributes,
): TarMember {
  const attributes =
    prefix.records === undefined ? globalAttributes : applyPaxRecords(globalAttributes, prefix.records);
  const kind = kindOf(header, attributes, prefix);
  // POSIX: only files have content; what the size of others says (some writers put the target's there) is void.
  const storedBytes = kind === 'file' ? (attributes.size ?? header.size) : 0;
  checkSize(storedBytes, pathFrom(header, attributes, prefix));
  return { header, kind, prefix, attributes, storedBytes, sparse: sparseFormat(header, kind, attributes) };
}

/**
 * The entry of a member whose headers are complete.
 *
 * @param ranges of a sparse file in GNU's old format or with its map before the content
 * @param mapBytes what of the stored bytes is such a map
 * @throws RuntimeError ARCHIVE_INVALID, ARCHIVE_LIMIT
 */
export function tarEntry(
  member: TarMember,
  {
    contentOffset,
    ranges,
    mapBytes = 0,
    realSize,
  }: { contentOffset: number; ranges?: readonly SparseRange[]; mapBytes?: number; realSize?: number },
): TarEntry {
  const { header, kind, attributes, prefix } = member;
  const storedBytes = member.storedBytes - mapBytes;
  const size = kind !== 'file' ? 0 : (realSize ?? attributes.sparse?.realSize ?? storedBytes);
  checkSize(size, pathOf(member));
  const time = attributes.mtime ?? { seconds: header.mtime, nanoseconds: 0 };
  return {
    kind,
    path: name(pathOf(member)),
    linkTarget:
      kind === 'symlink' || kind === 'hardlink' ? name(linkOf(header, attributes, prefix)) : emptyByteString,
    mode: header.mode & 0o7777,
    uid: owner(attributes.uid ?? header.uid, 'uid'),
    gid: owner(attributes.gid ?? header.gid, 'gid'),
    mtimeSeconds: time.seconds,
    mtimeNanoseconds: time.nanoseconds,
    size,
    contentOffset,
    sparse:
      member.sparse === undefined
        ? undefined
        : sparsePieces(ranges ?? sparseRanges(attributes.sparse?.map ?? []), {
            size,
            storedBytes,
            archiveOffset: contentOffset,
          }),
    deviceMajor: isDevice(kind) ? header.deviceMajor : 0,
    deviceMinor: isDevice(kind) ? header.deviceMinor : 0,
    xattrs: attributes.xattrs.size === 0 ? undefined : checkXattrs(attributes.xattrs),
  };
}

function kindOf(header: TarHeader, attributes: PaxAttributes, prefix: MemberPrefix): TarEntryKind {
  switch (header.type) {
    case '\0':
      // Before POSIX a slash at the end was what made a folder.
      return pathFrom(header, attributes, prefix).endsWith('/') ? 'directory' : 'file';
    case '0':
    case '7':
    case 'S':
      return 'file';
    case '1':
      return 'hardlink';
    case '2':
      return 'symlink';
    case '3':
      return 'character-device';
    case '4':
      return 'block-device';
    case '5':
      return 'directory';
    case '6':
      return 'fifo';
    default:
      throw new RuntimeError(
        'ARCHIVE_UNSUPPORTED',
        `the archive has a member of the type ${quote(header.type)}, ${quoteBytes(pathFrom(header, attributes, prefix))}`,
        { hint: 'only files, folders, links, devices and pipes can be part of an image' },
      );
  }
}

function checkSize(bytes: number, path: ByteString): void {
  if (bytes >= 0 && bytes <= tarLimits.fileBytes) return;
  throw new RuntimeError(
    'ARCHIVE_LIMIT',
    `the file ${quoteBytes(path)} in the archive has the size ${bytes}, outside the 0 to ${tarLimits.fileBytes} bytes allowed`,
  );
}

function sparseFormat(header: TarHeader, kind: TarEntryKind, { sparse }: PaxAttributes): TarMember['sparse'] {
  if (header.type === 'S') return 'old-gnu';
  if (sparse === undefined) return undefined;
  if (kind !== 'file') {
    throw new RuntimeError('ARCHIVE_INVALID', `the archive has a ${kind} with a sparse map`);
  }
  const { major = 0, minor = 0 } = sparse;
  if (major === 1 && minor === 0) return 'map-before-content';
  if (major === 0 && minor <= 1 && sparse.realSize !== undefined) return 'pax';
  throw new RuntimeError(
    'ARCHIVE_UNSUPPORTED',
    `a sparse file in the archive has the unknown format ${major}.${minor}`,
  );
}

function pathOf({ header, attributes, prefix }: TarMember): ByteString {
  return attributes.sparse?.name ?? pathFrom(header, attributes, prefix);
}

function pathFrom(header: TarHeader, attributes: PaxAttributes, prefix: MemberPrefix): ByteString {
  return single(attributes.path, prefix.longPath) ?? header.path;
}

function linkOf(header: TarHeader, attributes: PaxAttributes, prefix: MemberPrefix): ByteString {
  return single(attributes.linkTarget, prefix.longLink) ?? header.linkTarget;
}

// Readers disagree on which of the two counts, so an archive must not have both.
function single(pax: ByteString | undefined, gnu: ByteString | undefined): ByteString | undefined {
  if (pax !== undefined && gnu !== undefined) {
    throw new RuntimeError(
      'ARCHIVE_INVALID',
      `a member of the archive is called ${quoteBytes(pax)} in a PAX header and ${quoteBytes(gnu)} in a GNU header`,
    );
  }
  return pax ?? gnu;
}

function name(value: ByteString): ByteString {
  if (value.length >= tarLimits.nameBytes) {
    throw new RuntimeError(
      'ARCHIVE_LIMIT',
      `a name of ${value.length} bytes in the archive is longer than the ${tarLimits.nameBytes - 1} allowed: ${quoteBytes(value)}`,
    );
  }
  return value;
}

// The highest number means "no owner" to the kernel.
function owner(id: number, what: string): number {
  if (id < 0 || id >= 0xffffffff) {
    throw new RuntimeError('ARCHIVE_INVALID', `a member of the archive has the ${what} ${id}`);
  }
  return id;
}

function isDevice(kind: TarEntryKind): boolean {
  return kind === 'character-device' || kind === 'block-device';
}

function checkXattrs(xattrs: ReadonlyMap<ByteString, Uint8Array>): ReadonlyMap<ByteString, Uint8Array> {
  let bytes = 0;
  for (const [key, value] of xattrs) bytes += key.length + value.length;
  if (bytes > tarLimits.xattrsBytes) {
    throw new RuntimeError(
      'ARCHIVE_LIMIT',
      `a member of the archive has ${bytes} bytes of extended attributes, more than the ${tarLimits.xattrsBytes} allowed`,
    );
  }
  return xattrs;
}
