import { type Database, ofOneRow } from '../metadata/database.ts';
import { type ManifestHead, notePulls } from '../metadata/manifests.ts';

export type PullNotesOptions = { readonly database: Database; readonly clock: () => number };

/** How exactly it is known when something was pulled. */
const resolutionMs = 60 * 60 * 1000;

/** More than this many are not kept until the next flush. */
const mostKept = 10_000;

/**
 * Remembers what is pulled and writes it down now and then: once an hour at most for each manifest, so that a pull
 * costs the database nothing more. A process that is killed forgets what it has not written.
 */
export class PullNotes {
  readonly #options: PullNotesOptions;
  #pulls = new Map<number, number>();

  constructor(options: PullNotesOptions) {
    this.#options = options;
  }

  note({ id, pulled_at }: Pick<ManifestHead, 'id' | 'pulled_at'>): void {
    const now = this.#options.clock();
    const isKnown = pulled_at !== null && pulled_at > now - resolutionMs;
    if (!isKnown && this.#pulls.size < mostKept) this.#pulls.set(id, now);
  }

  /** Writes down what is remembered. */
  async flush(): Promise<void> {
    if (this.#pulls.size === 0) return;
    const pulls = this.#pulls;
    this.#pulls = new Map();
    await this.#options.database.transaction((writer) => notePulls(writer, pulls), ofOneRow);
  }
}
