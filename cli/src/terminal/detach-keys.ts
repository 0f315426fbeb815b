// Control and P, control and Q: what docker and podman let go with.
const first = 0x10;
const second = 0x11;

/**
 * Looks for the two keys with which a user lets go of an app, in what is typed. The first of them is held back until it
 * is known what comes after it.
 */
export class DetachKeys {
  #isHeld = false;

  /**
   * @returns what the app is to get; undefined if the keys were typed, and nothing after them counts
   */
  pass(typed: Uint8Array): Uint8Array | undefined {
    const passed: number[] = [];
    for (const byte of typed) {
      if (this.#isHeld && byte === second) return undefined;
      if (this.#isHeld) passed.push(first);
      this.#isHeld = byte === first;
      if (!this.#isHeld) passed.push(byte);
    }
    return Uint8Array.from(passed);
  }
}
