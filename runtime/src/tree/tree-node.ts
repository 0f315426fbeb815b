import type { ByteString } from '../tar/byte-string.ts';
import type { SparsePiece } from '../tar/tar-entry.ts';

/** What every inode of an image has. */
export type NodeMetadata = {
  /** Permission bits with setuid, setgid and sticky; without the type. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970; the nanoseconds come on top. */
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  /** By full name, sorted by it; undefined for none. */
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array> | undefined;
};

export type DirectoryNode = NodeMetadata & {
  readonly kind: 'directory';
  readonly children: ReadonlyMap<ByteString, TreeNode>;
};

export type FileNode = NodeMetadata & {
  readonly kind: 'file';
  readonly size: number;
  /** Whose archive holds the content: 0 for the lowest layer. */
  readonly layer: number;
  readonly contentOffset: number;
  readonly sparse: readonly SparsePiece[] | undefined;
};

export type SymlinkNode = NodeMetadata & { readonly kind: 'symlink'; readonly target: ByteString };

export type DeviceNode = NodeMetadata & {
  readonly kind: 'character-device' | 'block-device';
  readonly major: number;
  readonly minor: number;
};

export type FifoNode = NodeMetadata & { readonly kind: 'fifo' };

/** An inode. Hard links are the same object under several names; folders never are. */
export type TreeNode = DirectoryNode | FileNode | SymlinkNode | DeviceNode | FifoNode;

/** Names and nodes of a folder, in the order of the bytes of the names. */
export function sortedChildren(node: DirectoryNode): readonly (readonly [ByteString, TreeNode])[] {
  return [...node.children].sort(([a], [b]) => (a < b ? -1 : 1));
}
