import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { typeBits } from '../erofs/format.ts';
import { contentPieces } from '../layers/content-pieces.ts';
import { openChecked } from '../layers/file-identity.ts';
import { Temporary } from '../layers/temporary.ts';
import { makeNode, setFileTime } from '../linux/file-node.ts';
import { setXattr } from '../linux/xattr.ts';
import { type ByteString, bytesOf } from '../tar/byte-string.ts';
import { type CheckoutRules, checkoutRules } from './checkout-rules.ts';
import type { TreeParts } from './image-tree.ts';
import type { TreeFiles } from './tree-files.ts';
import { type DirectoryNode, type FileNode, sortedChildren, type TreeNode } from './tree-node.ts';

/**
 * Lays out an image as a plain folder, if it is not there yet: for hosts whose kernel can't mount the metadata
 * image, and for users other than root. Complete or not at all. Throws OWNER_UNMAPPED where an owner can't be kept.
 *
 * Every name is made in a folder that is held open (`/proc/self/fd/<n>/<name>` is what openat(2) does), and every
 * file must be new: nothing on the host can lead a write elsewhere, and paths can be of any length.
 */
export async function makeCheckout(
  files: TreeFiles,
  { root, layers }: TreeParts,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (existsSync(files.checkoutPath)) return;
  const archives: number[] = [];
  try {
    for (const { archive } of layers) archives.push(openChecked(archive, 'LAYER_DAMAGED'));
    await using temporary = await Temporary.folder(files.checkoutFolder);
    await new CheckoutMaker(archives, temporary.handle.fd, signal).make(root);
    await temporary.commit(files.checkoutName).catch((error: NodeJS.ErrnoException) => {
      // Another process was faster with the same.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    for (const archive of archives) closeSync(archive);
  }
}

const pieceBytes = 1024 * 1024;
const folderFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const fileFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** A name in a folder that is held open, as a path. */
export function pathIn(folder: number, name: ByteString): Buffer {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${folder}/`), bytesOf(name)]);
}

class CheckoutMaker {
  readonly #archives: readonly number[];
  readonly #top: number;
  readonly #signal: AbortSignal | undefined;
  readonly #rules: CheckoutRules = checkoutRules();
  readonly #piece = Buffer.allocUnsafe(pieceBytes);
  /** The first name of everything but folders, to make the further names of a file from. */
  readonly #firstNames = new Map<TreeNode, ByteString>();
  #made = 0;

  constructor(archives: readonly number[], top: number, signal: AbortSignal | undefined) {
    this.#archives = archives;
    this.#top = top;
    this.#signal = signal;
  }

  async make(root: DirectoryNode): Promise<void> {
    await this.#fill(this.#top, '' as ByteString, root);
    this.#finish(pathIn(this.#top, '.' as ByteString), root);
  }

  async #fill(folder: number, folderPath: string, node: DirectoryNode): Promise<void> {
    for (const [name, child] of sortedChildren(node)) {
      this.#made += 1;
      // The calls are synchronous, which is faster, but others must have their turn.
      if (this.#made % 256 === 0) await setImmediate(undefined, { signal: this.#signal });
      if (this.#rules.isLeftOut(child)) continue;
      const treePath = `${folderPath}${name}` as ByteString;
      const path = pathIn(folder, name);
      if (child.kind === 'directory') await this.#makeFolder(path, treePath, child);
      else this.#makeOther(path, treePath, child);
    }
  }

  async #makeFolder(path: Buffer, treePath: ByteString, node: DirectoryNode): Promise<void> {
    mkdirSync(path, 0o700);
    const folder = openSync(path, folderFlags);
    try {
      await this.#fill(folder, `${treePath}/`, node);
    } finally {
      closeSync(folder);
    }
    this.#finish(path, node);
  }

  #makeOther(path: Buffer, treePath: ByteString, node: Exclude<TreeNode, DirectoryNode>): void {
    const first = this.#firstNames.get(node);
    if (first !== undefined) {
      linkSync(pathIn(this.#top, first), path);
      return;
    }
    this.#firstNames.set(node, treePath);
    switch (node.kind) {
      case 'file':
        this.#makeFile(path, node);
        break;
      case 'symlink':
        symlinkSync(bytesOf(node.target), path);
        break;
      case 'fifo':
        makeNode(path, typeBits.fifo | 0o600, [0, 0]);
        break;
      default:
        makeNode(path, typeBits[node.kind] | 0o600, [node.major, node.minor]);
    }
    this.#finish(path, node);
  }

  #makeFile(path: Buffer, node: FileNode): void {
    const file = openSync(path, fileFlags, 0o600);
    try {
      for (const { fileOffset, archiveOffset, size } of contentPieces(node)) {
        for (let done = 0; done < size; ) {
          const wanted = Math.min(pieceBytes, size - done);
          const read = readSync(
            this.#archives[node.layer] ?? -1,
            this.#piece,
            0,
            wanted,
            archiveOffset + done,
          );
          if (read === 0) throw new Error('an archive ends within a file that it has by its index');
          let written = 0;
          while (written < read) {
            written += writeSync(file, this.#piece, written, read - written, fileOffset + done + written);
          }
          done += read;
        }
      }
      if (node.sparse !== undefined) ftruncateSync(file, node.size);
    } finally {
      closeSync(file);
    }
  }

  // In an order in which no step undoes another: a new owner takes away set-user bits and capabilities, a list
  // of permissions changes the mode, and everything changes the time.
  #finish(path: Buffer, node: TreeNode): void {
    this.#rules.checkOwner(node);
    if (this.#rules.isOwnerKept) lchownSync(path, node.uid, node.gid);
    for (const [name, value] of this.#rules.xattrs(node)) setXattr(path, bytesOf(name), value);
    if (node.kind !== 'symlink') chmodSync(path, this.#rules.mode(node));
    setFileTime(path, node.mtimeSeconds, node.mtimeNanoseconds);
  }
}
