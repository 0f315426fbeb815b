export type LogInLimitOptions = {
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Failures in a row before the limit is felt. */
  readonly burst?: number;
  /** After this time one more failure is allowed. */
  readonly refillMs?: number;
};

/** Addresses remembered at most; the ones that failed longest ago are forgotten first. */
const mostAddresses = 10_000;

/**
 * Slows down whoever guesses passwords: each address has a few tries, which come back one by one with time. A try
 * is taken before the password is looked at, so many at once gain nothing, and given back if it was right.
 */
export class LogInLimit {
  readonly #clock: () => number;
  readonly #burst: number;
  readonly #refillMs: number;
  readonly #spent = new Map<string, { readonly tries: number; readonly at: number }>();

  constructor({ clock, burst = 10, refillMs = 6000 }: LogInLimitOptions) {
    this.#clock = clock;
    this.#burst = burst;
    this.#refillMs = refillMs;
  }

  /** Takes a try; returns 0, or how many milliseconds to wait for one. */
  take(address: string): number {
    const key = networkOf(address);
    const tries = this.#spentNow(key);
    if (tries + 1 > this.#burst) return Math.ceil((tries + 1 - this.#burst) * this.#refillMs);
    this.#set(key, tries + 1);
    return 0;
  }

  /** Gives a try back, because it was a right one. */
  giveBack(address: string): void {
    const key = networkOf(address);
    this.#set(key, Math.max(0, this.#spentNow(key) - 1));
  }

  #spentNow(key: string): number {
    const spent = this.#spent.get(key);
    if (spent === undefined) return 0;
    return Math.max(0, spent.tries - (this.#clock() - spent.at) / this.#refillMs);
  }

  #set(key: string, tries: number): void {
    this.#spent.delete(key);
    if (tries === 0) return;
    this.#spent.set(key, { tries, at: this.#clock() });
    if (this.#spent.size > mostAddresses) this.#spent.delete(this.#spent.keys().next().value as string);
  }
}

// Whoever has one IPv6 address has 2^64 of them.
function networkOf(address: string): string {
  const v4 = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (!v4.includes(':')) return v4;
  const [head = ''] = v4.split('%', 1);
  const [before = '', after] = head.split('::', 2);
  const groups = before === '' ? [] : before.split(':');
  if (after !== undefined) {
    const tail = after === '' ? [] : after.split(':');
    groups.push(...Array<string>(Math.max(0, 8 - groups.length - tail.length)).fill('0'), ...tail);
  }
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
