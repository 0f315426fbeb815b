import type { ProgressEvent } from '@img/spec/progress';

/** One piece of work that has begun and not ended. */
export type ProgressItem = {
  readonly what: string;
  readonly totalBytes: number | undefined;
  readonly bytes: number;
  /** Milliseconds on the clock of the caller. */
  readonly startedAt: number;
};

/** What is known from the events so far; the views draw it. */
export class ProgressItems {
  readonly #active = new Map<string, ProgressItem>();
  #endedCount = 0;
  #bytes = 0;

  /** In the order in which they began. */
  get active(): readonly ProgressItem[] {
    return [...this.#active.values()];
  }

  /** Items that are done or had nothing to do. */
  get endedCount(): number {
    return this.#endedCount;
  }

  /** Of all items together, also ended ones. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @returns the item that the event ended, if it did */
  add(event: ProgressEvent, now: number): ProgressItem | undefined {
    switch (event.kind) {
      case 'start': {
        const { what, totalBytes } = event;
        this.#active.set(event.item, { what, totalBytes, bytes: 0, startedAt: now });
        return undefined;
      }
      case 'advance': {
        const item = this.#active.get(event.item);
        this.#bytes += event.bytes;
        if (item !== undefined) this.#active.set(event.item, { ...item, bytes: item.bytes + event.bytes });
        return undefined;
      }
      case 'done':
      case 'skip': {
        const item = this.#active.get(event.item);
        this.#active.delete(event.item);
        this.#endedCount += 1;
        return item;
      }
      case 'note':
        return undefined;
    }
  }
}
