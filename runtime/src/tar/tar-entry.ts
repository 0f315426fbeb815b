import type { ByteString } from './byte-string.ts';

export type TarEntryKind =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'hardlink'
  | 'character-device'
  | 'block-device'
  | 'fifo';

/** A piece of a sparse file that is stored; what no piece covers is zeros. */
export type SparsePiece = {
  /** Where it is in the file. */
  readonly fileOffset: number;
  /** Where it is in the archive. */
  readonly archiveOffset: number;
  readonly size: number;
};

/** One member of an archive, with every header that applies to it taken into account. */
export type TarEntry = {
  readonly kind: TarEntryKind;
  /** As written, not normalised: it may be absolute, hold `..`, or end in `/`. */
  readonly path: ByteString;
  /** Target of a symbolic link, or the path of the member that a hard link names; else empty. */
  readonly linkTarget: ByteString;
  /** Permission bits with setuid, setgid and sticky; 12 bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970, may be negative; the nanoseconds (0 to 999,999,999) come on top. */
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  /** Size of the file as it will be read; 0 for everything but files. */
  readonly size: number;
  /** Where in the archive the content begins; always a multiple of 512. */
  readonly contentOffset: number;
  /** Ordered, not overlapping, none empty; undefined where the content is stored in one piece. */
  readonly sparse: readonly SparsePiece[] | undefined;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Extended attributes by full name, such as `security.capability`; undefined for none. */
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array> | undefined;
};
