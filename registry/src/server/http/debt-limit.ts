export type DebtLimitOptions = {
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** How much of it at once before the limit is felt. */
  readonly burst: number;
  /** After this time one more is allowed. */
  readonly refillMs: number;
};

/** Keys remembered at most; the ones used longest ago are forgotten first. */
const mostKeys = 10_000;

/** Lets each key do something a few times at once, and then as often as time gives it back. */
export class DebtLimit {
  readonly #options: DebtLimitOptions;
  /** Each use costs its refill time; the time that passes pays for it. */
  readonly #debts = new Map<string, { readonly ms: number; readonly at: number }>();

  constructor(options: DebtLimitOptions) {
    this.#options = options;
  }

  /** Takes one; returns 0, or how many milliseconds to wait for it. */
  take(key: string): number {
    const { burst, refillMs } = this.#options;
    const debt = this.#debtOf(key) + refillMs;
    const waitMs = debt - burst * refillMs;
    if (waitMs > 0) return waitMs;
    this.#set(key, debt);
    return 0;
  }

  /** Gives one back, because it doesn't count. */
  giveBack(key: string): void {
    this.#set(key, this.#debtOf(key) - this.#options.refillMs);
  }

  #debtOf(key: string): number {
    const debt = this.#debts.get(key);
    return debt === undefined ? 0 : Math.max(0, debt.ms - (this.#options.clock() - debt.at));
  }

  #set(key: string, ms: number): void {
    this.#debts.delete(key);
    if (ms <= 0) return;
    this.#debts.set(key, { ms, at: this.#options.clock() });
    if (this.#debts.size > mostKeys) this.#debts.delete(this.#debts.keys().next().value as string);
  }
}
