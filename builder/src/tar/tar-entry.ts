/** One entry of a layer's tar, without its content. Everything that ends up in the bytes is said here. */
export type TarEntry = {
  readonly type: 'file' | 'directory' | 'symlink' | 'hardlink';
  /** Relative to the root, `/` between the parts, none at either end. */
  readonly path: string;
  /** The twelve permission bits; file types are never in it. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds since 1970. */
  readonly mtimeSeconds: number;
  /** Bytes of content; 0 for everything but files. */
  readonly sizeBytes: number;
  /** Where a symlink points, or the path of the entry that a hard link is another name of. */
  readonly linkTarget?: string;
  /** Extended attributes, for example `security.capability`. */
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
};
