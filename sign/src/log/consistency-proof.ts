import { isSameHash, nodeHash, type TreeHash } from './tree-hash.ts';
import { splitOf, type TreeRange } from './tree-range.ts';

/** A tree by its size and root. */
export type Tree = { readonly size: number; readonly root: TreeHash };

/** The parts of the larger tree whose hashes prove that it begins with the smaller one (RFC 6962 section 2.1.2). */
export function consistencyRanges(oldSize: number, newSize: number): readonly TreeRange[] {
  const ranges = path(oldSize, newSize).map(({ sibling }) => sibling);
  if (oldSize === 0 || ranges.length === 0) return [];
  const lowest = lowestRange(oldSize, newSize);
  // Where the old tree is a subtree of the new one, whoever asks has its hash already.
  return lowest.begin === 0 ? ranges : [lowest, ...ranges];
}

/** Whether the hashes prove that the new tree begins with the old one: nothing was changed or taken out. */
export function provesConsistency(older: Tree, newer: Tree, hashes: readonly TreeHash[]): boolean {
  if (older.size > newer.size || hashes.length !== consistencyRanges(older.size, newer.size).length) {
    return false;
  }
  if (older.size === newer.size) return isSameHash(older.root, newer.root);
  // Every tree begins with nothing.
  if (older.size === 0) return true;
  const isOwnHash = lowestRange(older.size, newer.size).begin === 0;
  const [first, ...rest] = isOwnHash ? [older.root, ...hashes] : hashes;
  if (first === undefined) return false;
  let oldHash = first;
  let newHash = first;
  for (const [at, { isLeft }] of path(older.size, newer.size).entries()) {
    const sibling = rest[at] as TreeHash;
    if (isLeft) {
      oldHash = nodeHash(sibling, oldHash);
      newHash = nodeHash(sibling, newHash);
    } else {
      newHash = nodeHash(newHash, sibling);
    }
  }
  return isSameHash(oldHash, older.root) && isSameHash(newHash, newer.root);
}

type Step = { readonly sibling: TreeRange; readonly isLeft: boolean };

/** The way from the last complete part of the old tree up to the root of the new one. */
function path(oldSize: number, newSize: number): readonly Step[] {
  const steps: Step[] = [];
  let range: TreeRange = { begin: 0, end: newSize };
  while (oldSize > 0 && oldSize < range.end) {
    const split = splitOf(range);
    const isLeft = oldSize > split;
    const left = { begin: range.begin, end: split };
    const right = { begin: split, end: range.end };
    steps.push({ sibling: isLeft ? left : right, isLeft });
    range = isLeft ? right : left;
  }
  return steps.reverse();
}

function lowestRange(oldSize: number, newSize: number): TreeRange {
  let range: TreeRange = { begin: 0, end: newSize };
  while (oldSize > 0 && oldSize < range.end) {
    const split = splitOf(range);
    range = oldSize > split ? { begin: split, end: range.end } : { begin: range.begin, end: split };
  }
  return range;
}
