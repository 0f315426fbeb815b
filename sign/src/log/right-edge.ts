import { emptyRoot, nodeHash, type TreeHash } from './tree-hash.ts';
import { subtreesOf } from './tree-range.ts';

/**
 * What must be known of a tree to append to it: the hashes of its largest complete subtrees, a handful however large it
 * is. Whoever has that and gets all entries behind it knows the root of the whole, and needs no other proof.
 */
export class RightEdge {
  readonly #hashes: TreeHash[];
  #size: number;

  /** @param hashes of the `subtreesOf` a tree of this size, from the left */
  constructor(size = 0, hashes: readonly TreeHash[] = []) {
    if (hashes.length !== subtreesOf({ begin: 0, end: size }).length) {
      throw new RangeError(`${hashes.length} hashes are no right edge of ${size} entries`);
    }
    this.#size = size;
    this.#hashes = [...hashes];
  }

  get size(): number {
    return this.#size;
  }

  /** The root of the tree. */
  get root(): TreeHash {
    return this.#hashes.length === 0
      ? emptyRoot
      : this.#hashes.reduceRight((right, left) => nodeHash(left, right));
  }

  append(leaf: TreeHash): void {
    this.#hashes.push(leaf);
    this.#size += 1;
    for (let rest = this.#size; rest % 2 === 0; rest /= 2) {
      const right = this.#hashes.pop() as TreeHash;
      const left = this.#hashes.pop() as TreeHash;
      this.#hashes.push(nodeHash(left, right));
    }
  }
}
