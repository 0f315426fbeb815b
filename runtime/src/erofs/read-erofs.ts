import { RuntimeError } from '../runtime-error.ts';
import { type ByteString, byteString } from '../tar/byte-string.ts';
import type { SparsePiece } from '../tar/tar-entry.ts';
import type { DirectoryNode, FileNode, NodeMetadata, TreeNode } from '../tree/tree-node.ts';
import {
  blockBits,
  blockBytes,
  chunkIndexBytes,
  dataLayouts,
  direntBytes,
  inodeBytes,
  magic,
  noBlock,
  roundUp,
  slotBytes,
  superblockOffset,
  typeBits,
  xattrEntryBytes,
  xattrHeaderBytes,
  xattrPrefixes,
} from './format.ts';

/**
 * The tree in an image that `writeErofs` made, read as far as it is looked at: the children of a folder are read
 * when they are asked for. Hard links are one node, as they were.
 *
 * The image must have passed a check of its digest. Even so nothing is read outside of it.
 *
 * @throws RuntimeError TREE_DAMAGED, also later, for what is no such image
 */
export function readErofs(image: Uint8Array): DirectoryNode {
  const root = new ImageReader(image).root();
  if (root.kind !== 'directory') throw damaged('its root is no folder');
  return root;
}

type Inode = {
  /** Where it is in the image. */
  readonly at: number;
  readonly layout: number;
  readonly sizeBytes: number;
  readonly dataField: number;
  readonly xattrBytes: number;
};

class ImageReader {
  readonly #image: Buffer;
  readonly #inodesAt: number;
  readonly #sharedAt: number;
  readonly #rootNumber: number;
  readonly #nodes = new Map<number, TreeNode>();

  constructor(image: Uint8Array) {
    this.#image = Buffer.from(image.buffer, image.byteOffset, image.byteLength);
    const field = (offset: number) => this.#u32(superblockOffset + offset);
    if (field(0) !== magic || (field(12) & 0xff) !== blockBits) throw damaged('it is no tree image');
    this.#rootNumber = field(12) >>> 16;
    this.#inodesAt = field(40) * blockBytes;
    this.#sharedAt = field(44) * blockBytes;
  }

  root(): TreeNode {
    return this.#node(this.#rootNumber);
  }

  #node(number: number): TreeNode {
    const known = this.#nodes.get(number);
    if (known !== undefined) return known;
    const node = this.#read(number);
    this.#nodes.set(number, node);
    return node;
  }

  #read(number: number): TreeNode {
    const at = this.#inodesAt + number * slotBytes;
    const mode = this.#u16(at + 4);
    const units = this.#u16(at + 2);
    const inode: Inode = {
      at,
      layout: this.#u16(at) >> 1,
      sizeBytes: this.#u64(at + 8),
      dataField: this.#u32(at + 16),
      xattrBytes: units === 0 ? 0 : xattrHeaderBytes + (units - 1) * 4,
    };
    const metadata: NodeMetadata = {
      mode: mode & 0o7777,
      uid: this.#u32(at + 24),
      gid: this.#u32(at + 28),
      mtimeSeconds: this.#u64(at + 32),
      mtimeNanoseconds: this.#u32(at + 40),
      xattrs: inode.xattrBytes === 0 ? undefined : this.#xattrs(at + inodeBytes, inode.xattrBytes),
    };
    return this.#withKind(mode & 0o170000, metadata, inode);
  }

  #withKind(type: number, metadata: NodeMetadata, inode: Inode): TreeNode {
    switch (type) {
      case typeBits.directory:
        return this.#folder(metadata, inode);
      case typeBits.file:
        return { ...metadata, kind: 'file', size: inode.sizeBytes, ...this.#content(inode) };
      case typeBits.symlink:
        return { ...metadata, kind: 'symlink', target: byteString(this.#data(inode)) };
      case typeBits['character-device']:
        return { ...metadata, kind: 'character-device', ...deviceNumbers(inode.dataField) };
      case typeBits['block-device']:
        return { ...metadata, kind: 'block-device', ...deviceNumbers(inode.dataField) };
      case typeBits.fifo:
        return { ...metadata, kind: 'fifo' };
      default:
        throw damaged(`it has an inode of the type ${type.toString(8)}`);
    }
  }

  #folder(metadata: NodeMetadata, inode: Inode): DirectoryNode {
    let children: ReadonlyMap<ByteString, TreeNode> | undefined;
    const read = () => this.#children(inode);
    return {
      ...metadata,
      kind: 'directory',
      get children() {
        children ??= read();
        return children;
      },
    };
  }

  #children(inode: Inode): ReadonlyMap<ByteString, TreeNode> {
    const children = new Map<ByteString, TreeNode>();
    const data = this.#data(inode);
    for (let start = 0; start < data.length; start += blockBytes) {
      const block = data.subarray(start, start + blockBytes);
      const count = block.readUInt16LE(8) / direntBytes;
      for (let index = 0; index < count; index += 1) {
        const at = index * direntBytes;
        const nameEnd = index + 1 < count ? block.readUInt16LE(at + direntBytes + 8) : block.length;
        const name = unpadded(byteString(block.subarray(block.readUInt16LE(at + 8), nameEnd)));
        if ((name as string) === '.' || (name as string) === '..') continue;
        children.set(name, this.#node(Number(block.readBigUInt64LE(at))));
      }
    }
    return children;
  }

  /** What a folder or a link holds: blocks of its own, and what is inline. */
  #data({ at, layout, sizeBytes, dataField, xattrBytes }: Inode): Buffer {
    const tail = layout === dataLayouts.inline ? ((sizeBytes - 1) % blockBytes) + 1 : 0;
    const parts: Buffer[] = [];
    if (sizeBytes > tail) parts.push(this.#slice(dataField * blockBytes, sizeBytes - tail));
    if (tail > 0) parts.push(this.#slice(at + inodeBytes + xattrBytes, tail));
    return Buffer.concat(parts);
  }

  #content({
    at,
    layout,
    sizeBytes,
    dataField,
    xattrBytes,
  }: Inode): Pick<FileNode, 'layer' | 'contentOffset' | 'sparse'> {
    if (layout !== dataLayouts.chunks) return { layer: 0, contentOffset: 0, sparse: undefined };
    const chunkBytes = 2 ** ((dataField & 0x1f) + blockBits);
    const start = roundUp(at + inodeBytes + xattrBytes, chunkIndexBytes);
    const pieces: SparsePiece[] = [];
    let layer = 0;
    for (let index = 0; index * chunkBytes < sizeBytes; index += 1) {
      const block = this.#u32(start + index * chunkIndexBytes + 4);
      if (block === noBlock) continue;
      layer = this.#u16(start + index * chunkIndexBytes + 2) - 1;
      const fileOffset = index * chunkBytes;
      addPiece(pieces, {
        fileOffset,
        archiveOffset: block * blockBytes,
        size: Math.min(chunkBytes, sizeBytes - fileOffset),
      });
    }
    const isWhole = pieces.length === 1 && pieces[0]?.size === sizeBytes;
    return { layer, contentOffset: pieces[0]?.archiveOffset ?? 0, sparse: isWhole ? undefined : pieces };
  }

  #xattrs(at: number, bytes: number): ReadonlyMap<ByteString, Uint8Array> {
    const shared = this.#slice(at + 4, 1).readUInt8();
    const found: [ByteString, Uint8Array][] = [];
    for (let index = 0; index < shared; index += 1) {
      const place = this.#u32(at + xattrHeaderBytes + 4 * index);
      found.push(this.#xattr(this.#sharedAt + place * xattrEntryBytes).entry);
    }
    for (let next = at + xattrHeaderBytes + 4 * shared; next < at + bytes; ) {
      const { entry, end } = this.#xattr(next);
      found.push(entry);
      next = end;
    }
    return new Map(found.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #xattr(at: number): { readonly entry: [ByteString, Uint8Array]; readonly end: number } {
    const head = this.#slice(at, xattrEntryBytes);
    const [prefix = ''] = xattrPrefixes.find(([, index]) => index === head.readUInt8(1)) ?? [];
    const nameEnd = at + xattrEntryBytes + head.readUInt8(0);
    const valueBytes = head.readUInt16LE(2);
    const rest = byteString(this.#slice(at + xattrEntryBytes, head.readUInt8(0)));
    const value = Uint8Array.from(this.#slice(nameEnd, valueBytes));
    return {
      entry: [`${prefix}${rest}` as ByteString, value],
      end: roundUp(nameEnd + valueBytes, xattrEntryBytes),
    };
  }

  #u16(at: number): number {
    return this.#slice(at, 2).readUInt16LE();
  }

  #u32(at: number): number {
    return this.#slice(at, 4).readUInt32LE();
  }

  #u64(at: number): number {
    return Number(this.#slice(at, 8).readBigUInt64LE());
  }

  #slice(at: number, length: number): Buffer {
    if (at + length > this.#image.length) throw damaged('it ends too early');
    return this.#image.subarray(at, at + length);
  }
}

// Chunks that follow each other in the file and in the archive are one piece.
function addPiece(pieces: SparsePiece[], piece: SparsePiece): void {
  const last = pieces.at(-1);
  const isNext =
    last !== undefined &&
    last.fileOffset + last.size === piece.fileOffset &&
    last.archiveOffset + last.size === piece.archiveOffset;
  if (isNext) pieces[pieces.length - 1] = { ...last, size: last.size + piece.size };
  else pieces.push(piece);
}

function deviceNumbers(device: number): { readonly major: number; readonly minor: number } {
  return { major: (device >>> 8) & 0xfff, minor: (device & 0xff) | ((device >>> 12) & 0xfff00) };
}

/** The last name of a block that it does not fill is followed by zeros. */
function unpadded(name: ByteString): ByteString {
  const end = name.indexOf('\0');
  return end < 0 ? name : (name.slice(0, end) as ByteString);
}

function damaged(problem: string): RuntimeError {
  return new RuntimeError('TREE_DAMAGED', `a tree image is damaged: ${problem}`, {
    hint: 'pull the image again to repair it',
  });
}
