import { chunkBytes } from '../layers/content-pieces.ts';
import { RuntimeError } from '../runtime-error.ts';
import { type ByteString, byteStringOf } from '../tar/byte-string.ts';
import type { DirectoryNode, TreeNode } from '../tree/tree-node.ts';
import { type DirectoryDivision, divideDirectory } from './directory-blocks.ts';
import {
  blockBytes,
  chunkIndexBytes,
  dataLayouts,
  deviceSlotBytes,
  deviceTableSlot,
  inodeBytes,
  roundUp,
  slotBytes,
} from './format.ts';
import { XattrArea } from './xattr-area.ts';

type Entries = readonly (readonly [ByteString, TreeNode])[];

/** Where everything of one inode goes. */
export type InodePlan = {
  readonly node: TreeNode;
  /** The number of the inode, which is its slot. */
  readonly number: number;
  readonly links: number;
  /** Only folders: names and inodes in order, `.` and `..` among them, and how they are divided into blocks. */
  readonly entries: Entries;
  readonly division: DirectoryDivision | undefined;
  readonly xattrs: Buffer;
  readonly layout: number;
  readonly sizeBytes: number;
  /** Only with chunks: size of each. */
  readonly chunkBytes: number;
  /** First block of its own, for what is not inline, counted from `ImagePlan.dataBlock`; undefined for none. */
  readonly ownBlock: number | undefined;
};

export type ImagePlan = {
  readonly inodes: ReadonlyMap<TreeNode, InodePlan>;
  readonly sharedXattrs: Buffer;
  readonly xattrBlock: number;
  readonly inodeBlock: number;
  readonly dataBlock: number;
  readonly blocks: number;
};

/** Longest image of metadata; it is built in memory. */
export const maxImageBytes = 512 * 1024 * 1024;
const noEntries: Entries = [];
const dot = byteStringOf('.');
const dotDot = byteStringOf('..');

/**
 * Gives every inode of a tree its place, parents before children and names in order, so that one tree has one
 * image.
 *
 * @throws RuntimeError TREE_LIMIT
 */
export function planImage(root: DirectoryNode, devices: number): ImagePlan {
  const { links, entries } = surveyTree(root);
  const nodes = [...links.keys()];
  const area = new XattrArea(nodes);
  const xattrBlock = Math.ceil(((deviceTableSlot + devices) * deviceSlotBytes) / blockBytes);
  const inodeBlock = xattrBlock + Math.ceil(area.shared.length / blockBytes);
  const start = inodeBlock * blockBytes;
  const inodes = new Map<TreeNode, InodePlan>();
  let at = start;
  let ownBlocks = 0;
  for (const node of nodes) {
    const own = entries.get(node) ?? noEntries;
    const shape = inodeShape(node, own, area.inline(node));
    // Inline data must not cross the end of a block.
    if (shape.inlineBytes > 0 && (at % blockBytes) + shape.bytes > blockBytes) at = roundUp(at, blockBytes);
    inodes.set(node, {
      ...shape,
      node,
      number: (at - start) / slotBytes,
      links: links.get(node) ?? 1,
      entries: own,
      ownBlock: shape.ownBlocks === 0 ? undefined : ownBlocks,
    });
    ownBlocks += shape.ownBlocks;
    at = roundUp(at + shape.bytes, slotBytes);
    checkSize(at + ownBlocks * blockBytes);
  }
  const dataBlock = Math.ceil(at / blockBytes);
  const blocks = dataBlock + ownBlocks;
  return { inodes, sharedXattrs: area.shared, xattrBlock, inodeBlock, dataBlock, blocks };
}

/** Every inode once, parents first, with its number of links; and what is in each folder. */
function surveyTree(root: DirectoryNode): {
  links: ReadonlyMap<TreeNode, number>;
  entries: ReadonlyMap<TreeNode, Entries>;
} {
  const links = new Map<TreeNode, number>([[root, 2]]);
  const entries = new Map<TreeNode, Entries>();
  // A list of work instead of recursion: folders may be nested two thousand deep.
  const work: (readonly [folder: DirectoryNode, parent: DirectoryNode])[] = [[root, root]];
  for (let next = work.pop(); next !== undefined; next = work.pop()) {
    const [folder, parent] = next;
    const withDots = [[dot, folder] as const, [dotDot, parent] as const, ...folder.children];
    entries.set(folder, withDots.sort(byName));
    const children = withDots.filter(([, child]) => child !== folder && child !== parent);
    for (const [, child] of children) {
      links.set(child, child.kind === 'directory' ? 2 : (links.get(child) ?? 0) + 1);
      if (child.kind === 'directory') links.set(folder, (links.get(folder) ?? 0) + 1);
    }
    for (const [, child] of children.toReversed()) if (child.kind === 'directory') work.push([child, folder]);
  }
  return { links, entries };
}

function byName([a]: Entries[number], [b]: Entries[number]): number {
  return a < b ? -1 : 1;
}

type InodeShape = Pick<InodePlan, 'layout' | 'sizeBytes' | 'chunkBytes' | 'xattrs' | 'division'> & {
  /** Of the inode with all that stands behind it. */
  readonly bytes: number;
  readonly inlineBytes: number;
  readonly ownBlocks: number;
};

function inodeShape(node: TreeNode, entries: Entries, xattrs: Buffer): InodeShape {
  const head = inodeBytes + xattrs.length;
  if (node.kind === 'file' && node.size > 0) {
    const chunk = chunkBytes(node);
    return {
      layout: dataLayouts.chunks,
      sizeBytes: node.size,
      chunkBytes: chunk,
      xattrs,
      division: undefined,
      bytes: roundUp(head, chunkIndexBytes) + Math.ceil(node.size / chunk) * chunkIndexBytes,
      inlineBytes: 0,
      ownBlocks: 0,
    };
  }
  const division = node.kind === 'directory' ? divideDirectory(entries.map(([name]) => name)) : undefined;
  const sizeBytes = division?.sizeBytes ?? (node.kind === 'symlink' ? node.target.length : 0);
  const tail = sizeBytes === 0 ? 0 : ((sizeBytes - 1) % blockBytes) + 1;
  // A link's target is read in one piece, so it is inline as a whole or not at all.
  const isInline = tail > 0 && head + tail <= blockBytes && (division !== undefined || sizeBytes === tail);
  return {
    layout: isInline ? dataLayouts.inline : dataLayouts.plain,
    sizeBytes,
    chunkBytes: 0,
    xattrs,
    division,
    bytes: head + (isInline ? tail : 0),
    inlineBytes: isInline ? tail : 0,
    ownBlocks: isInline ? (sizeBytes - tail) / blockBytes : Math.ceil(sizeBytes / blockBytes),
  };
}

function checkSize(bytes: number): void {
  if (bytes <= maxImageBytes) return;
  throw new RuntimeError(
    'TREE_LIMIT',
    `the image has more than the ${maxImageBytes} bytes of names, attributes and sparse files allowed`,
  );
}
