import type { ByteString } from '../tar/byte-string.ts';
import type { TreeNode } from '../tree/tree-node.ts';
import { roundUp, xattrEntryBytes, xattrHeaderBytes, xattrPrefixes } from './format.ts';

/** An inode refers to at most so many shared attributes: their count has one byte. */
const maxShared = 255;
const noBytes = Buffer.alloc(0);

/**
 * The extended attributes of an image. One that several inodes have with the same value is stored once, in the
 * shared area, and referred to by its place there, counted in 4 bytes.
 */
export class XattrArea {
  /** The shared attributes, one after the other. */
  readonly shared: Buffer;
  readonly #places: ReadonlyMap<string, number>;

  /** @param nodes every inode once, in the order of the image */
  constructor(nodes: readonly TreeNode[]) {
    const seen = new Set<string>();
    const places = new Map<string, number>();
    const entries: Buffer[] = [];
    let bytes = 0;
    for (const { xattrs } of nodes) {
      for (const [name, value] of xattrs ?? []) {
        const key = keyOf(name, value);
        if (seen.has(key) && !places.has(key)) {
          places.set(key, bytes / xattrEntryBytes);
          const entry = encode(name, value);
          entries.push(entry);
          bytes += entry.length;
        }
        seen.add(key);
      }
    }
    this.shared = Buffer.concat(entries);
    this.#places = places;
  }

  /** What stands behind an inode: nothing, or a header, references to shared attributes, and its own ones. */
  inline({ xattrs }: TreeNode): Buffer {
    if (xattrs === undefined) return noBytes;
    const places: number[] = [];
    const own: Buffer[] = [];
    for (const [name, value] of xattrs) {
      const place = this.#places.get(keyOf(name, value));
      if (place !== undefined && places.length < maxShared) places.push(place);
      else own.push(encode(name, value));
    }
    const header = Buffer.alloc(xattrHeaderBytes + 4 * places.length);
    header.writeUInt8(places.length, 4);
    for (const [index, place] of places.entries()) header.writeUInt32LE(place, xattrHeaderBytes + 4 * index);
    return Buffer.concat([header, ...own]);
  }
}

/** How many 4-byte units an inode with these inline attributes announces. */
export function inlineUnits(inlineBytes: number): number {
  return inlineBytes === 0 ? 0 : 1 + (inlineBytes - xattrHeaderBytes) / 4;
}

function encode(name: ByteString, value: Uint8Array): Buffer {
  const [prefix, index] = xattrPrefixes.find(([start]) => name.startsWith(start)) ?? ['', 0];
  const rest = name.slice(prefix.length);
  const bytes = Buffer.alloc(roundUp(xattrEntryBytes + rest.length + value.length, xattrEntryBytes));
  bytes.writeUInt8(rest.length, 0);
  bytes.writeUInt8(index, 1);
  bytes.writeUInt16LE(value.length, 2);
  bytes.write(rest, xattrEntryBytes, 'latin1');
  bytes.set(value, xattrEntryBytes + rest.length);
  return bytes;
}

function keyOf(name: ByteString, value: Uint8Array): string {
  return `${name}\0${Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1')}`;
}
