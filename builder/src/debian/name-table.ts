import { GrowingNumbers } from './growing.ts';

const initialSlots = 1024;

/**
 * Numbers names in the order in which they first come. Works on bytes, since an index mentions a million names: a
 * string for each would cost more than everything else.
 */
export class NameTable {
  #bytes = Buffer.allocUnsafeSlow(64 * 1024);
  #used = 0;
  readonly #ends = new GrowingNumbers();
  /** Hash of each name, for growing. */
  readonly #hashes = new GrowingNumbers();
  /** Number of a name plus one, or 0. */
  #slots = new Uint32Array(initialSlots);

  /** The number of the name that stands in these bytes. */
  intern(source: Buffer, start: number, end: number): number {
    const hash = hashBytes(source, start, end);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (;;) {
      const number = (this.#slots[slot] ?? 0) - 1;
      if (number < 0) break;
      if (this.#isName(number, source, start, end)) return number;
      slot = (slot + 1) & mask;
    }
    return this.#add(slot, hash, source.subarray(start, end));
  }

  get size(): number {
    return this.#ends.length;
  }

  /** Where each name ends in the bytes. */
  get ends(): Uint32Array {
    return this.#ends.view();
  }

  /** The names one after the other. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#used);
  }

  /** The hash table; its length is a power of two. */
  get slots(): Uint32Array {
    return this.#slots;
  }

  #isName(number: number, source: Buffer, start: number, end: number): boolean {
    const ends = this.#ends.view();
    const from = number === 0 ? 0 : (ends[number - 1] ?? 0);
    const to = ends[number] ?? 0;
    return to - from === end - start && source.compare(this.#bytes, from, to, start, end) === 0;
  }

  #add(slot: number, hash: number, name: Uint8Array): number {
    if (this.#used + name.length > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow((this.#used + name.length) * 2);
      this.#bytes.copy(larger, 0, 0, this.#used);
      this.#bytes = larger;
    }
    this.#bytes.set(name, this.#used);
    this.#used += name.length;
    this.#ends.push(this.#used);
    this.#hashes.push(hash);
    this.#slots[slot] = this.size;
    if (this.size * 2 > this.#slots.length) this.#grow();
    return this.size - 1;
  }

  #grow(): void {
    const slots = new Uint32Array(this.#slots.length * 2);
    for (const [number, hash] of this.#hashes.view().entries()) {
      let slot = hash & (slots.length - 1);
      while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1);
      slots[slot] = number + 1;
    }
    this.#slots = slots;
  }
}

/** FNV-1a, 32 bits. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let index = start; index < end; index += 1) hash = Math.imul(hash ^ (bytes[index] ?? 0), 0x01000193);
  return hash >>> 0;
}
