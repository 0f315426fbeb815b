import type { Digest } from '@img/spec/digest';

/** What a soak test has done and found so far; all lanes write into one. */
export class Tally {
  /** Operations that were answered, by their kind. */
  readonly done = new Map<string, number>();
  /** Operations that a fault broke off, by what the client saw of it. */
  readonly interrupted = new Map<string, number>();
  /** Processes that were killed and are back. */
  kills = 0;
  /** Manifests that came later than they had to, and found something gone. */
  late = 0;
  /** What must never be: what a correct client was promised, or a manifest needs, and is not there. */
  readonly violations: string[] = [];
  /** Manifests that may lack something, because they came late: nothing was promised for them. */
  readonly sparse = new Set<Digest>();
  /** What must be there at the end, by path. */
  readonly kept = new Map<string, Digest>();

  count(kind: string): void {
    increase(this.done, kind);
  }

  interrupt(reason: string): void {
    increase(this.interrupted, reason);
  }

  get operations(): number {
    return [...this.done.values()].reduce((sum, count) => sum + count, 0);
  }
}

function increase(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
