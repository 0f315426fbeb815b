import { bytesOf } from '@img/runtime/tar/byte-string';
import type { TarEntry as ArchiveEntry } from '@img/runtime/tar/tar-entry';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import type { TarEntry } from '../tar/tar-entry.ts';
import { parseArchivePath, parseLinkTarget } from './archive-path.ts';
import { isDropped, mergedFolders } from './profile.ts';

/** Where the bytes of a file are: in the package's data archive, or made by a recipe. */
export type PackageContent =
  | { readonly kind: 'archived'; readonly offset: number }
  | { readonly kind: 'made'; readonly bytes: Uint8Array };

/** What a layer gets of one member of a package. */
export type PackageEntry = { readonly entry: TarEntry; readonly content?: PackageContent };

/** The permissions of folders that no package describes. */
export const folderEntry = (path: string): PackageEntry => ({
  entry: { type: 'directory', path, mode: 0o755, uid: 0, gid: 0, mtimeSeconds: 0, sizeBytes: 0 },
});

export const fileEntry = (path: string, bytes: Uint8Array): PackageEntry => ({
  entry: {
    type: 'file',
    path,
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtimeSeconds: 0,
    sizeBytes: bytes.byteLength,
  },
  content: { kind: 'made', bytes },
});

export const linkEntry = (path: string, linkTarget: string): PackageEntry => ({
  entry: {
    type: 'symlink',
    path,
    linkTarget,
    mode: 0o777,
    uid: 0,
    gid: 0,
    mtimeSeconds: 0,
    sizeBytes: 0,
  },
});

/**
 * The members of a package's data archive as they go into the layer, by path: names below /bin, /lib and so on
 * moved into /usr, documentation left out, times set to 0, owners as the archive has them by number.
 *
 * @param what how messages name the package
 * @throws BuilderError PATH_UNSAFE, DEB_INVALID
 */
export function packageEntries(
  members: readonly ArchiveEntry[],
  what: string,
): ReadonlyMap<string, PackageEntry> {
  const entries = new Map<string, PackageEntry>();
  const dropped = new Map<string, PackageEntry>();
  for (const member of members) {
    const path = mergedPath(parseArchivePath(member.path, what), member.kind);
    if (path === '') continue;
    const entry =
      member.kind === 'hardlink'
        ? hardLink(member, path, [entries, dropped], what)
        : plain(member, path, what);
    const before = entries.get(path) ?? dropped.get(path);
    if (before !== undefined && !isSameFolder(before, entry)) {
      throw invalid(what, `has the path ${quote(path)} twice`);
    }
    (isDropped(path) ? dropped : entries).set(path, entry);
  }
  return entries;
}

/** A path with the links of a merged /usr taken into account; the links themselves stay where they are. */
export function mergedPath(path: string, kind: ArchiveEntry['kind'] = 'file'): string {
  const slash = path.indexOf('/');
  const first = slash < 0 ? path : path.slice(0, slash);
  if (!mergedFolders.has(first) || (slash < 0 && kind === 'symlink')) return path;
  return `usr/${path}`;
}

function plain(member: ArchiveEntry, path: string, what: string): PackageEntry {
  const { kind, mode, uid, gid, size } = member;
  if ((kind !== 'file' && kind !== 'directory' && kind !== 'symlink') || member.sparse !== undefined) {
    throw invalid(what, `has a ${member.sparse === undefined ? kind : 'sparse file'} at ${quote(path)}`);
  }
  const base = { path, mode, uid, gid, mtimeSeconds: 0, sizeBytes: size, ...xattrsOf(member) };
  if (kind === 'file') {
    return { entry: { type: kind, ...base }, content: { kind: 'archived', offset: member.contentOffset } };
  }
  if (kind === 'directory') return { entry: { type: kind, ...base } };
  return {
    entry: {
      type: kind,
      ...base,
      linkTarget: parseLinkTarget(member.linkTarget, parseArchivePath(member.path, what), what),
    },
  };
}

/** The file that a hard link is another name of, under this name; which of them stays a link is decided later. */
function hardLink(
  member: ArchiveEntry,
  path: string,
  earlier: readonly ReadonlyMap<string, PackageEntry>[],
  what: string,
): PackageEntry {
  const target = mergedPath(parseArchivePath(member.linkTarget, what));
  const original = earlier.map((entries) => entries.get(target)).find((entry) => entry !== undefined);
  if (original?.entry.type !== 'file') {
    throw invalid(
      what,
      `has the hard link ${quote(path)} to ${quote(target)}, which is no earlier file of it`,
    );
  }
  return { ...original, entry: { ...original.entry, path } };
}

function xattrsOf({ xattrs }: ArchiveEntry): Pick<TarEntry, 'xattrs'> {
  if (xattrs === undefined) return {};
  return { xattrs: new Map([...xattrs].map(([name, value]) => [bytesOf(name).toString('utf8'), value])) };
}

// Both /lib/systemd and /usr/lib/systemd can be in a package and become one.
function isSameFolder({ entry: a }: PackageEntry, { entry: b }: PackageEntry): boolean {
  return (
    a.type === 'directory' &&
    b.type === 'directory' &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid
  );
}

function invalid(what: string, problem: string): BuilderError {
  return new BuilderError('DEB_INVALID', `${quote(what)} ${problem}`);
}
