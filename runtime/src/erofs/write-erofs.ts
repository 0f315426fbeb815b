import { createHash } from 'node:crypto';
import { contentPieces } from '../layers/content-pieces.ts';
import type { DirectoryNode, FileNode, TreeNode } from '../tree/tree-node.ts';
import { directoryBytes } from './directory-blocks.ts';
import {
  blockBits,
  blockBytes,
  chunkHasIndexes,
  chunkIndexBytes,
  compatible,
  dataLayouts,
  deviceSlotBytes,
  deviceTableSlot,
  entryTypes,
  extendedFormat,
  incompatible,
  inodeBytes,
  magic,
  noBlock,
  roundUp,
  slotBytes,
  superblockOffset,
  typeBits,
  writeUInt64,
} from './format.ts';
import { type ImagePlan, type InodePlan, planImage } from './plan-image.ts';
import { inlineUnits } from './xattr-area.ts';

const noBytes = Buffer.alloc(0);

/** The archive of a layer, as a device of the image. */
export type ErofsDevice = {
  /** Up to 64 characters that name it, such as the hex of its digest. */
  readonly tag: string;
  /** Size of the archive. */
  readonly sizeBytes: number;
};

/**
 * Makes the EROFS image of a tree: metadata only, the contents of files are in the devices, where the nodes say.
 * Pure, and the same bytes for the same tree and devices.
 *
 * @param devices the archives of the layers, lowest first
 * @throws RuntimeError TREE_LIMIT
 */
export function writeErofs(root: DirectoryNode, devices: readonly ErofsDevice[]): Uint8Array {
  const plan = planImage(root, devices.length);
  const image = Buffer.alloc(plan.blocks * blockBytes);
  for (const [index, device] of devices.entries()) {
    const at = (deviceTableSlot + index) * deviceSlotBytes;
    image.write(device.tag, at, 64, 'latin1');
    image.writeUInt32LE(Math.ceil(device.sizeBytes / blockBytes), at + 64);
  }
  plan.sharedXattrs.copy(image, plan.xattrBlock * blockBytes);
  for (const inode of plan.inodes.values()) writeInode(image, plan, inode);
  writeSuperblock(image, plan, root, devices.length);
  return image;
}

function writeSuperblock(image: Buffer, plan: ImagePlan, root: DirectoryNode, devices: number): void {
  const at = superblockOffset;
  const hasDevices = devices > 0;
  image.writeUInt32LE(magic, at);
  image.writeUInt32LE(compatible.mtime, at + 8);
  image.writeUInt8(blockBits, at + 12);
  image.writeUInt16LE(plan.inodes.get(root)?.number ?? 0, at + 14);
  writeUInt64(image, plan.inodes.size, at + 16);
  image.writeUInt32LE(plan.blocks, at + 36);
  image.writeUInt32LE(plan.inodeBlock, at + 40);
  image.writeUInt32LE(plan.xattrBlock, at + 44);
  const features = hasDevices ? incompatible.chunkedFile | incompatible.deviceTable : 0;
  image.writeUInt32LE(features, at + 80);
  image.writeUInt16LE(devices, at + 86);
  image.writeUInt16LE(hasDevices ? deviceTableSlot : 0, at + 88);
  // statfs shows the identifier, so it must differ between images; the content gives it.
  createHash('sha256')
    .update(image)
    .digest()
    .copy(image, at + 48, 0, 16);
}

function writeInode(image: Buffer, plan: ImagePlan, inode: InodePlan): void {
  const { node, xattrs } = inode;
  const at = plan.inodeBlock * blockBytes + inode.number * slotBytes;
  image.writeUInt16LE(extendedFormat | (inode.layout << 1), at);
  image.writeUInt16LE(inlineUnits(xattrs.length), at + 2);
  image.writeUInt16LE(node.mode | typeBits[node.kind], at + 4);
  writeUInt64(image, inode.sizeBytes, at + 8);
  image.writeUInt32LE(dataField(plan, inode), at + 16);
  image.writeUInt32LE(inode.number, at + 20);
  image.writeUInt32LE(node.uid, at + 24);
  image.writeUInt32LE(node.gid, at + 28);
  writeUInt64(image, node.mtimeSeconds, at + 32);
  image.writeUInt32LE(node.mtimeNanoseconds, at + 40);
  image.writeUInt32LE(inode.links, at + 44);
  xattrs.copy(image, at + inodeBytes);
  const behind = at + inodeBytes + xattrs.length;
  if (inode.layout === dataLayouts.chunks) {
    writeChunks(image, roundUp(behind, chunkIndexBytes), node as FileNode, inode.chunkBytes);
    return;
  }
  const data = dataOf(plan, inode);
  const tail =
    inode.layout === dataLayouts.inline ? data.length - ((data.length - 1) % blockBytes) - 1 : data.length;
  if (inode.ownBlock !== undefined) data.copy(image, (plan.dataBlock + inode.ownBlock) * blockBytes, 0, tail);
  data.copy(image, behind, tail);
}

/** The four bytes whose meaning depends on the kind of inode. */
function dataField(plan: ImagePlan, { node, layout, ownBlock, chunkBytes }: InodePlan): number {
  if (node.kind === 'character-device' || node.kind === 'block-device') {
    // The kernel's encoding for devices in 32 bits: 12 bits of major among 20 of minor.
    return ((node.minor & 0xff) | (node.major << 8) | ((node.minor & ~0xff) << 12)) >>> 0;
  }
  if (layout === dataLayouts.chunks) return chunkHasIndexes | (Math.log2(chunkBytes) - blockBits);
  return ownBlock === undefined ? noBlock : plan.dataBlock + ownBlock;
}

function dataOf(plan: ImagePlan, { node, entries, division }: InodePlan): Buffer {
  if (node.kind === 'symlink') return Buffer.from(node.target, 'latin1');
  if (division === undefined) return noBytes;
  const rows = entries.map(([name, child]) => {
    return { name, inode: numberOf(plan, child), type: entryTypes[child.kind] };
  });
  return directoryBytes(rows, division);
}

function numberOf(plan: ImagePlan, node: TreeNode): number {
  return plan.inodes.get(node)?.number ?? 0;
}

function writeChunks(image: Buffer, start: number, node: FileNode, chunkBytes: number): void {
  const count = Math.ceil(node.size / chunkBytes);
  for (let index = 0; index < count; index += 1)
    image.writeUInt32LE(noBlock, start + index * chunkIndexBytes + 4);
  for (const piece of contentPieces(node)) {
    for (let done = 0; done < piece.size; done += chunkBytes) {
      const at = start + ((piece.fileOffset + done) / chunkBytes) * chunkIndexBytes;
      image.writeUInt16LE(node.layer + 1, at + 2);
      image.writeUInt32LE((piece.archiveOffset + done) / blockBytes, at + 4);
    }
  }
}
