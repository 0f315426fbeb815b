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
  /** Each try costs its refill time; the time that passes pays for it. */
  readonly #debts = new Map<string, { readonly ms: number; readonly at: number }>();

  constructor({ clock, burst = 10, refillMs = 6000 }: LogInLimitOptions) {
    this.#clock = clock;
    this.#burst = burst;
    this.#refillMs = refillMs;
  }

  /** Takes a try; returns 0, or how many milliseconds to wait for one. */
  take(address: string): number {
    const network = networkOf(address);
    const debt = this.#debtOf(network) + this.#refillMs;
    const waitMs = debt - this.#burst * this.#refillMs;
    if (waitMs > 0) return waitMs;
    this.#set(network, debt);
    return 0;
  }

  /** Gives a try back, because it was a right one. */
  giveBack(address: string): void {
    const network = networkOf(address);
    this.#set(network, this.#debtOf(network) - this.#refillMs);
  }

  #debtOf(network: string): number {
    const debt = this.#debts.get(network);
    return debt === undefined ? 0 : Math.max(0, debt.ms - (this.#clock() - debt.at));
  }

  #set(network: string, ms: number): void {
    this.#debts.delete(network);
    if (ms <= 0) return;
    this.#debts.set(network, { ms, at: this.#clock() });
    if (this.#debts.size > mostAddresses) this.#debts.delete(this.#debts.keys().next().value as string);
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
