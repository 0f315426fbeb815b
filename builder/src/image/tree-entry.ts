/** What the image as a whole must know of one path of a layer. */
export type TreeEntry = {
  /** Without a leading slash. */
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'hardlink';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Where a symlink leads; of a hard link, the path of the file that it is another name of. */
  readonly linkTarget?: string;
};

/** The short form in which entries are stored; trailing values that are the usual ones are left out. */
export type PackedTreeEntry = readonly [
  type: string,
  path: string,
  mode?: number,
  uid?: number,
  gid?: number,
  linkTarget?: string,
];

const letters = { file: 'f', directory: 'd', symlink: 'l', hardlink: 'h' } as const;
const usualModes = { file: 0o644, directory: 0o755, symlink: 0o777, hardlink: 0o644 } as const;

export function packTreeEntry({ type, path, mode, uid, gid, linkTarget }: TreeEntry): PackedTreeEntry {
  if (linkTarget !== undefined) return [letters[type], path, mode, uid, gid, linkTarget];
  if (uid !== 0 || gid !== 0) return [letters[type], path, mode, uid, gid];
  return mode === usualModes[type] ? [letters[type], path] : [letters[type], path, mode];
}

/** The entry of a short form; undefined if it is none. */
export function unpackTreeEntry(packed: PackedTreeEntry): TreeEntry | undefined {
  const [letter, path, mode, uid = 0, gid = 0, linkTarget] = packed;
  const type = (Object.keys(letters) as TreeEntry['type'][]).find((name) => letters[name] === letter);
  if (type === undefined) return undefined;
  return {
    path,
    type,
    mode: mode ?? usualModes[type],
    uid,
    gid,
    ...(linkTarget === undefined ? {} : { linkTarget }),
  };
}
