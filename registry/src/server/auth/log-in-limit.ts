import { DebtLimit } from '../http/debt-limit.ts';
import { networkOf } from '../http/network-of.ts';

export type LogInLimitOptions = {
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Failures in a row before the limit is felt. */
  readonly burst?: number;
  /** After this time one more failure is allowed. */
  readonly refillMs?: number;
  /** How many processes share the failures that are allowed; 1 by default. */
  readonly workers?: number;
};

/** Whoever mistypes a password isn't stopped at once, however many share what is allowed. */
const smallestBurst = 3;

/**
 * Slows down whoever guesses passwords: each address has a few tries, which come back one by one with time. A try
 * is taken before the password is looked at, so many at once gain nothing, and given back if it was right.
 */
export class LogInLimit {
  readonly #limit: DebtLimit;

  constructor({ clock, burst = 10, refillMs = 6000, workers = 1 }: LogInLimitOptions) {
    this.#limit = new DebtLimit({
      clock,
      burst: workers === 1 ? burst : Math.max(smallestBurst, Math.ceil(burst / workers)),
      refillMs: refillMs * workers,
    });
  }

  /** Takes a try; returns 0, or how many milliseconds to wait for one. */
  take(address: string): number {
    return this.#limit.take(networkOf(address));
  }

  /** Gives a try back, because it was a right one. */
  giveBack(address: string): void {
    this.#limit.giveBack(networkOf(address));
  }
}
