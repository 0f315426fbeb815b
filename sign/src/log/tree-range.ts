import { emptyRoot, nodeHash, type TreeHash } from './tree-hash.ts';

/*
 * Where the hashes of a tree are (RFC 6962 section 2.1). A tree over the entries from `begin` to `end` is split at
 * the largest power of two that leaves something on the right. A subtree over 2^level entries is complete: it never
 * changes, whatever is appended.
 */

/** The entries from `begin` on, before `end`; a part of a tree as it is split. */
export type TreeRange = { readonly begin: number; readonly end: number };

/** The complete subtree over the entries from `index * 2^level` on. */
export type Subtree = { readonly level: number; readonly index: number };

/** Where a range of two entries or more is split. */
export function splitOf({ begin, end }: TreeRange): number {
  return begin + 2 ** (bitsOf(end - begin - 1) - 1);
}

/** The complete subtrees of a range, from the left, each larger than those behind it. */
export function subtreesOf({ begin, end }: TreeRange): readonly Subtree[] {
  const found: Subtree[] = [];
  for (let at = begin; at < end; ) {
    const level = bitsOf(end - at) - 1;
    found.push({ level, index: at / 2 ** level });
    at += 2 ** level;
  }
  return found;
}

/** The hash of a range; of an empty one, that of an empty tree. */
export function hashOfRange(range: TreeRange, hashOf: (subtree: Subtree) => TreeHash): TreeHash {
  const hashes = subtreesOf(range).map(hashOf);
  return hashes.length === 0 ? emptyRoot : hashes.reduceRight((right, left) => nodeHash(left, right));
}

/** How many bits a number has: 1 for 1, 2 for 2 and 3, 3 for 4. Up to 2^53, unlike Math.clz32. */
function bitsOf(value: number): number {
  const high = Math.floor(value / 2 ** 32);
  return high === 0 ? 32 - Math.clz32(value) : 64 - Math.clz32(high);
}
