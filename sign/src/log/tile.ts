import { quote } from '@img/spec/quote';
import { SignError } from '../sign-error.ts';
import { hashBytes, nodeHash, type TreeHash } from './tree-hash.ts';
import { type Subtree, subtreesOf, type TreeRange } from './tree-range.ts';

/*
 * How a log publishes its tree (https://c2sp.org/tlog-tiles): in rows of 256 hashes, each row the bottom of a subtree
 * of eight levels, and its entries in bundles of 256. A full tile never changes.
 */

/** How many hashes a full tile has, and entries a full bundle. */
export const tileWidth = 256;
const tileHeight = 8;

/** The longest entry that a bundle can hold. */
export const maxEntryBytes = 65_535;

/** Levels above this one are empty for every size that a number can count. */
const maxLevel = 6;

/** Hashes from `index * 256` on of the complete subtrees over 256^level entries; or the entries, a bundle. */
export type Tile = {
  readonly level: number | 'entries';
  readonly index: number;
  /** 1 to 256. */
  readonly width: number;
};

/** A tile of hashes. */
export type HashTile = Tile & { readonly level: number };

/** `tile/0/x001/234`, below the address of the log. */
export function tilePath({ level, index, width }: Tile): string {
  const groups: string[] = [];
  for (let rest = index, isLast = true; rest > 0 || isLast; rest = Math.floor(rest / 1000), isLast = false) {
    groups.unshift(`${isLast ? '' : 'x'}${String(rest % 1000).padStart(3, '0')}`);
  }
  return `tile/${level}/${groups.join('/')}${width === tileWidth ? '' : `.p/${width}`}`;
}

/** Undefined for everything that {@link tilePath} doesn't write. */
export function parseTilePath(path: string): Tile | undefined {
  const match = /^tile\/(entries|\d)\/((?:x\d{3}\/){0,4}\d{3})(?:\.p\/(\d{1,3}))?$/.exec(path);
  if (match === null) return undefined;
  const [, level = '', groups = '', width] = match;
  const tile: Tile = {
    level: level === 'entries' ? level : Number(level),
    index: Number(groups.replace(/[x/]/g, '')),
    width: width === undefined ? tileWidth : Number(width),
  };
  const isWithin = tile.level === 'entries' || tile.level <= maxLevel;
  // Every tile has one address: no leading groups of zeros, no partial tile that is full.
  return isWithin && tile.width >= 1 && tilePath(tile) === path ? tile : undefined;
}

/** The hashes of a tile level that a tree of this size has. */
export function tileHashCount(level: number, size: number): number {
  return Math.floor(size / tileWidth ** level);
}

/** The tiles of a tree of this size from which the hashes of the ranges follow, each once. */
export function tilesFor(ranges: readonly TreeRange[], size: number): readonly HashTile[] {
  const found = new Map<string, HashTile>();
  for (const subtree of ranges.flatMap(subtreesOf)) {
    const { level, index } = placeOf(subtree);
    const width = Math.min(tileWidth, tileHashCount(level, size) - index * tileWidth);
    found.set(`${level}/${index}`, { level, index, width });
  }
  return [...found.values()];
}

/** Finds the hashes of complete subtrees in tiles. */
export class TileHashes {
  readonly #tiles = new Map<string, Uint8Array>();

  /** @param bytes of the tile, of at least its width */
  add({ level, index }: Pick<HashTile, 'level' | 'index'>, bytes: Uint8Array): void {
    this.#tiles.set(`${level}/${index}`, bytes);
  }

  /** @throws SignError TILE_INVALID if no tile has it */
  hashOf(subtree: Subtree): TreeHash {
    const { level, index, offset, count } = placeOf(subtree);
    const bytes = this.#tiles.get(`${level}/${index}`);
    if (bytes === undefined || bytes.byteLength < (offset + count) * hashBytes) {
      throw new SignError('TILE_INVALID', `${tilePath({ level, index, width: tileWidth })} is too short`);
    }
    return hashOfRow(bytes.subarray(offset * hashBytes, (offset + count) * hashBytes));
  }
}

/** The hash of the subtree above hashes that stand beside each other; of a whole tile, a hash of the level above. */
export function hashOfRow(bytes: Uint8Array): TreeHash {
  let row: TreeHash[] = [];
  for (let at = 0; at < bytes.byteLength; at += hashBytes) row.push(bytes.subarray(at, at + hashBytes));
  while (row.length > 1) row = pairs(row);
  return row[0] as TreeHash;
}

function placeOf({ level, index }: Subtree) {
  const count = 2 ** (level % tileHeight);
  const first = index * count;
  const tile = Math.floor(first / tileWidth);
  return { level: Math.floor(level / tileHeight), index: tile, offset: first - tile * tileWidth, count };
}

function pairs(row: readonly TreeHash[]): TreeHash[] {
  return row.flatMap((hash, at) => (at % 2 === 0 ? [nodeHash(hash, row[at + 1] as TreeHash)] : []));
}

/** A bundle of entries: each with its length in two bytes. @throws SignError TILE_INVALID for one that is too long */
export function encodeEntries(entries: readonly Uint8Array[]): Uint8Array {
  const parts = entries.flatMap((entry) => {
    if (entry.byteLength > maxEntryBytes) {
      throw new SignError(
        'TILE_INVALID',
        `entry of ${entry.byteLength} bytes is longer than ${maxEntryBytes}`,
      );
    }
    return [Uint8Array.of(entry.byteLength >> 8, entry.byteLength & 0xff), entry];
  });
  return new Uint8Array(Buffer.concat(parts));
}

/** @throws SignError TILE_INVALID unless the bytes are exactly so many entries */
export function parseEntries(bytes: Uint8Array, width: number): readonly Uint8Array[] {
  const entries: Uint8Array[] = [];
  let at = 0;
  while (entries.length < width && at + 2 <= bytes.byteLength) {
    const end = at + 2 + (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0));
    if (end > bytes.byteLength) break;
    entries.push(bytes.subarray(at + 2, end));
    at = end;
  }
  if (entries.length === width && at === bytes.byteLength) return entries;
  throw new SignError(
    'TILE_INVALID',
    `bundle of ${quote(bytes.byteLength)} bytes should hold exactly ${width} entries`,
  );
}
