import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { typeBits } from '../erofs/format.ts';
import { contentPieces } from '../layers/content-pieces.ts';
import { openChecked } from '../layers/file-identity.ts';
import { readXattrs } from '../linux/xattr.ts';
import { RuntimeError } from '../runtime-error.ts';
import { type ByteString, byteString, quoteBytes } from '../tar/byte-string.ts';
import { type CheckoutRules, checkoutRules } from './checkout-rules.ts';
import type { TreeParts } from './image-tree.ts';
import { pathIn } from './make-checkout.ts';
import { type DirectoryNode, type FileNode, sortedChildren, type TreeNode } from './tree-node.ts';

const pieceBytes = 1024 * 1024;
const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW;

/** What a checkout was made of. */
export type CheckoutParts = Pick<TreeParts, 'root' | 'layers'>;

/** Compares a checkout with its image, every name, attribute and byte. */
export class CheckoutComparer {
  readonly #name: string;
  readonly #parts: CheckoutParts;
  readonly #signal: AbortSignal | undefined;
  readonly #rules: CheckoutRules = checkoutRules();
  readonly #archives: number[] = [];
  readonly #inodes = new Map<TreeNode, bigint>();
  readonly #ours = Buffer.allocUnsafe(pieceBytes);
  readonly #theirs = Buffer.allocUnsafe(pieceBytes);
  #compared = 0;

  /** @param name how messages name the checkout */
  constructor(name: string, parts: CheckoutParts, signal: AbortSignal | undefined) {
    this.#name = name;
    this.#parts = parts;
    this.#signal = signal;
  }

  /** @throws RuntimeError TREE_DAMAGED naming the first difference; LAYER_DAMAGED */
  async compare(folder: number): Promise<void> {
    try {
      for (const { archive } of this.#parts.layers)
        this.#archives.push(openChecked(archive, 'LAYER_DAMAGED'));
      this.#compareNode(
        pathIn(folder, '.' as ByteString),
        '' as ByteString,
        this.#parts.root,
        fstatSync(folder, { bigint: true }),
      );
      await this.#compareFolder(folder, '', this.#parts.root);
    } finally {
      for (const archive of this.#archives) closeSync(archive);
    }
  }

  async #compareFolder(folder: number, folderPath: string, node: DirectoryNode): Promise<void> {
    const found = new Set<string>(
      readdirSync(`/proc/self/fd/${folder}`, { encoding: 'buffer' }).map(byteString),
    );
    for (const [name, child] of sortedChildren(node)) {
      this.#compared += 1;
      if (this.#compared % 256 === 0) await setImmediate(undefined, { signal: this.#signal });
      if (this.#rules.isLeftOut(child)) continue;
      const treePath = `${folderPath}/${name}` as ByteString;
      if (!found.delete(name)) throw this.#damaged(treePath, child, 'is not there');
      const path = pathIn(folder, name);
      this.#compareNode(path, treePath, child, lstatSync(path, { bigint: true }));
      if (child.kind === 'directory') await this.#enter(path, treePath, child);
    }
    for (const name of found)
      throw this.#damaged(`${folderPath}/${name}` as ByteString, node, 'is not in the image');
  }

  async #enter(path: Buffer, treePath: ByteString, node: DirectoryNode): Promise<void> {
    const folder = openSync(path, openFlags | constants.O_DIRECTORY);
    try {
      await this.#compareFolder(folder, treePath, node);
    } finally {
      closeSync(folder);
    }
  }

  #compareNode(path: Buffer, treePath: ByteString, node: TreeNode, stats: BigIntStats): void {
    const difference = this.#difference(path, node, stats);
    if (difference !== undefined) throw this.#damaged(treePath, node, `has another ${difference}`);
    if (node.kind === 'directory') return;
    const inode = this.#inodes.get(node);
    if (inode !== undefined && inode !== stats.ino)
      throw this.#damaged(treePath, node, 'is no hard link any more');
    this.#inodes.set(node, stats.ino);
    if (node.kind === 'file' && inode === undefined) this.#compareContent(path, treePath, node);
  }

  /** What differs of everything but content. */
  #difference(path: Buffer, node: TreeNode, stats: BigIntStats): string | undefined {
    const mode = typeBits[node.kind] | (node.kind === 'symlink' ? 0o777 : this.#rules.mode(node));
    const mtime = BigInt(node.mtimeSeconds) * 1_000_000_000n + BigInt(node.mtimeNanoseconds);
    if (Number(stats.mode) !== mode) return 'type or mode';
    if (this.#rules.isOwnerKept && (Number(stats.uid) !== node.uid || Number(stats.gid) !== node.gid))
      return 'owner';
    if (stats.mtimeNs !== mtime) return 'time';
    if (node.kind === 'file' && Number(stats.size) !== node.size) return 'size';
    if (node.kind === 'symlink' && readlinkSync(path, { encoding: 'latin1' }) !== node.target)
      return 'target';
    if ('major' in node && Number(stats.rdev) !== deviceNumber(node.major, node.minor))
      return 'device number';
    return this.#hasSameXattrs(path, node) ? undefined : 'set of extended attributes';
  }

  #hasSameXattrs(path: Buffer, node: TreeNode): boolean {
    const wanted = new Map(this.#rules.xattrs(node));
    const found = readXattrs(path).filter(([name]) => this.#isCompared(byteString(name), wanted));
    return (
      found.length === wanted.size &&
      found.every(([name, value]) => value.equals(wanted.get(byteString(name)) ?? Buffer.from('absent')))
    );
  }

  // A host with SELinux labels every file of its own accord.
  #isCompared(name: ByteString, wanted: ReadonlyMap<ByteString, Uint8Array>): boolean {
    return wanted.has(name) || (name as string) !== 'security.selinux';
  }

  #compareContent(path: Buffer, treePath: ByteString, node: FileNode): void {
    const file = openSync(path, openFlags | constants.O_NONBLOCK);
    try {
      let end = 0;
      for (const { fileOffset, archiveOffset, size } of contentPieces(node)) {
        const isSame =
          this.#isZeros(file, end, fileOffset) &&
          this.#isEqual(file, fileOffset, { node, archiveOffset, size });
        if (!isSame) throw this.#damaged(treePath, node, 'has another content');
        end = fileOffset + size;
      }
      if (!this.#isZeros(file, end, node.size)) throw this.#damaged(treePath, node, 'has another content');
    } finally {
      closeSync(file);
    }
  }

  #isEqual(
    file: number,
    fileOffset: number,
    { node, archiveOffset, size }: { node: FileNode; archiveOffset: number; size: number },
  ): boolean {
    const archive = this.#archives[node.layer] ?? -1;
    for (let done = 0; done < size; done += pieceBytes) {
      const wanted = Math.min(pieceBytes, size - done);
      const ours = readSync(archive, this.#ours, 0, wanted, archiveOffset + done);
      const theirs = readSync(file, this.#theirs, 0, wanted, fileOffset + done);
      if (ours !== wanted || theirs !== wanted) return false;
      if (this.#ours.compare(this.#theirs, 0, wanted, 0, wanted) !== 0) return false;
    }
    return true;
  }

  #isZeros(file: number, start: number, end: number): boolean {
    if (start >= end) return true;
    this.#ours.fill(0);
    for (let at = start; at < end; at += pieceBytes) {
      const wanted = Math.min(pieceBytes, end - at);
      if (readSync(file, this.#theirs, 0, wanted, at) !== wanted) return false;
      if (this.#ours.compare(this.#theirs, 0, wanted, 0, wanted) !== 0) return false;
    }
    return true;
  }

  #damaged(path: ByteString, node: TreeNode, problem: string): RuntimeError {
    const layer = node.kind === 'file' ? this.#parts.layers[node.layer] : undefined;
    const origin = layer === undefined ? '' : ` of layer ${layer.diffId}`;
    return new RuntimeError(
      'TREE_DAMAGED',
      `the tree ${this.#name} was changed on this host: ${quoteBytes(path)}${origin} ${problem}`,
      { hint: 'find out who or what writes to the store; pulling the image again repairs it' },
    );
  }
}

// The C library's encoding, as stat(2) gives it.
function deviceNumber(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}
