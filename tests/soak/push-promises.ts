import { graceMs } from './stage.ts';

/**
 * What the registry has promised to one push: what was pushed stays for the grace, what it was said to have for half
 * of it at least. Measured from before the request that got the promise, so nobody can have promised less.
 */
export class PushPromises {
  #until = Number.POSITIVE_INFINITY;

  /** A question begins; call what it returns if the answer was yes. */
  asking(): () => void {
    return this.#from(graceMs / 2);
  }

  /** A push begins; call what it returns when it is done. */
  pushing(): () => void {
    return this.#from(graceMs);
  }

  /** Whether all promises still hold. */
  hold(): boolean {
    return performance.now() < this.#until;
  }

  #from(ms: number): () => void {
    const until = performance.now() + ms;
    return () => {
      this.#until = Math.min(this.#until, until);
    };
  }
}
