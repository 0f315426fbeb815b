import { isSameHash, nodeHash, type TreeHash } from './tree-hash.ts';
import { splitOf, type TreeRange } from './tree-range.ts';

/** The parts of a tree whose hashes prove that an entry is in it, from the entry's sibling up. */
export function inclusionRanges(index: number, size: number): readonly TreeRange[] {
  const ranges: TreeRange[] = [];
  let { begin, end } = { begin: 0, end: size };
  while (end - begin > 1) {
    const split = splitOf({ begin, end });
    ranges.push(index < split ? { begin: split, end } : { begin, end: split });
    if (index < split) end = split;
    else begin = split;
  }
  return ranges.reverse();
}

export type Inclusion = {
  readonly leaf: TreeHash;
  readonly index: number;
  readonly size: number;
  readonly root: TreeHash;
};

/** Whether the hashes prove that the entry is in the tree (RFC 9162 section 2.1.3.2). */
export function provesInclusion(
  { leaf, index, size, root }: Inclusion,
  hashes: readonly TreeHash[],
): boolean {
  if (index >= size) return false;
  const ranges = inclusionRanges(index, size);
  if (ranges.length !== hashes.length) return false;
  const found = hashes.reduce((hash, other, at) => {
    const isRight = (ranges[at]?.begin ?? 0) > index;
    return isRight ? nodeHash(hash, other) : nodeHash(other, hash);
  }, leaf);
  return isSameHash(found, root);
}
