/** A list of 32-bit numbers that grows at its end, without an object for each. */
export class GrowingNumbers {
  #numbers = new Uint32Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#numbers.length) {
      const larger = new Uint32Array(this.#numbers.length * 2);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[this.#length] = value;
    this.#length += 1;
  }

  /** The numbers so far; a view, valid until the next push. */
  view(): Uint32Array {
    return this.#numbers.subarray(0, this.#length);
  }
}

const blockBytes = 1024 * 1024;

/** Bytes that grow at their end, in blocks that are never copied. */
export class GrowingBytes {
  readonly #full: Buffer[] = [];
  #block = Buffer.allocUnsafeSlow(blockBytes);
  #used = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(source: Buffer, start: number, end: number): void {
    for (let from = start; from < end; ) {
      if (this.#used === blockBytes) {
        this.#full.push(this.#block);
        this.#block = Buffer.allocUnsafeSlow(blockBytes);
        this.#used = 0;
      }
      const copied = source.copy(this.#block, this.#used, from, end);
      from += copied;
      this.#used += copied;
    }
    this.#length += end - start;
  }

  /** The bytes so far, in order. */
  blocks(): readonly Buffer[] {
    return [...this.#full, this.#block.subarray(0, this.#used)];
  }
}
