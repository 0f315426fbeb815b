/*
 * The on-disk format of EROFS as far as tree images use it (Linux, Documentation/filesystems/erofs.rst and
 * fs/erofs/erofs_fs.h). All numbers are little-endian.
 *
 *   1024      superblock, 128 bytes
 *   1152      device table, 128 bytes for each layer's archive
 *   ...       shared extended attributes, from a block on
 *   ...       inodes, from a block on: each in slots of 32 bytes, numbered by slot, with its attributes and its
 *             chunk indexes or inline data right behind
 *   ...       blocks of folders and long link targets
 *
 * Blocks have 512 bytes, because that is how archives align contents: a file is one chunk, whose index names the
 * device (the archive) and the block in it. Reading that needs Linux 6.4; mounting it from files 6.12.
 */

export const blockBits = 9;
export const blockBytes = 2 ** blockBits;
export const slotBytes = 32;

export const superblockOffset = 1024;
const superblockBytes = 128;
export const magic = 0xe0f5e1e2;
export const deviceSlotBytes = 128;
/** The first device slot, counted in slots from the start of the image. */
export const deviceTableSlot = (superblockOffset + superblockBytes) / deviceSlotBytes;

// Without the checksum of the superblock: the digest of the whole image is checked before each use, and
// erofs-utils up to 1.8.6 reads past its buffer when it finds one on blocks this small.
export const compatible = { mtime: 2 } as const;
export const incompatible = { chunkedFile: 4, deviceTable: 8 } as const;

/** How the data of an inode is found; `i_format` has it from bit 1 on. */
export const dataLayouts = { plain: 0, inline: 2, chunks: 4 } as const;
/** `i_format` of an inode of 64 bytes, which alone has times and 32-bit owners. */
export const extendedFormat = 1;
export const inodeBytes = 64;
export const chunkIndexBytes = 8;
/** In the chunk format: the indexes name devices. */
export const chunkHasIndexes = 0x20;
/** A block address that stands for none: a hole, or data that is all inline. */
export const noBlock = 0xffffffff;

export const direntBytes = 12;

export const xattrHeaderBytes = 12;
export const xattrEntryBytes = 4;

/** File types of stat(2), in the mode of an inode. */
export const typeBits = {
  fifo: 0o010000,
  'character-device': 0o020000,
  directory: 0o040000,
  'block-device': 0o060000,
  file: 0o100000,
  symlink: 0o120000,
} as const;

/** File types in directory entries. */
export const entryTypes = {
  file: 1,
  directory: 2,
  'character-device': 3,
  'block-device': 4,
  fifo: 5,
  symlink: 7,
} as const;

/** Name spaces of extended attributes; the first that fits counts, the rest of the name is stored. */
export const xattrPrefixes: readonly (readonly [prefix: string, index: number])[] = [
  ['user.', 1],
  ['system.posix_acl_access', 2],
  ['system.posix_acl_default', 3],
  ['trusted.', 4],
  ['security.', 6],
];

export function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

/** A number of 64 bits that a double holds exactly. */
export function writeUInt64(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32LE(value % 2 ** 32, at);
  bytes.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
}
