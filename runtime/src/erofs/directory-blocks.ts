import type { ByteString } from '../tar/byte-string.ts';
import { blockBytes, direntBytes, writeUInt64 } from './format.ts';

/** An entry of a folder as EROFS stores it. */
export type DirectoryEntry = { readonly name: ByteString; readonly inode: number; readonly type: number };

/** How many names each block of a folder has, and the size of the whole: full blocks, and what the last one uses. */
export type DirectoryDivision = { readonly counts: readonly number[]; readonly sizeBytes: number };

/**
 * Divides the sorted names of a folder into blocks, as many into each as fit: the kernel finds a name by halving
 * first the blocks and then the entries in one.
 */
export function divideDirectory(names: readonly ByteString[]): DirectoryDivision {
  const counts: number[] = [];
  let count = 0;
  let used = 0;
  for (const name of names) {
    const needed = direntBytes + name.length;
    if (used + needed > blockBytes) {
      counts.push(count);
      count = 0;
      used = 0;
    }
    count += 1;
    used += needed;
  }
  counts.push(count);
  return { counts, sizeBytes: (counts.length - 1) * blockBytes + used };
}

/** The bytes of a folder: in each block the entries, then their names without anything between. */
export function directoryBytes(
  entries: readonly DirectoryEntry[],
  { counts, sizeBytes }: DirectoryDivision,
): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  let index = 0;
  for (const [block, count] of counts.entries()) {
    const start = block * blockBytes;
    let nameAt = count * direntBytes;
    for (let slot = 0; slot < count; slot += 1) {
      const entry = entries[index] as DirectoryEntry;
      const at = start + slot * direntBytes;
      writeUInt64(bytes, entry.inode, at);
      bytes.writeUInt16LE(nameAt, at + 8);
      bytes.writeUInt8(entry.type, at + 10);
      nameAt += bytes.write(entry.name, start + nameAt, 'latin1');
      index += 1;
    }
  }
  return bytes;
}
