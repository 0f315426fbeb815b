import type { Logger } from 'pino';
import type { Database } from '../metadata/database.ts';
import { takeSnapshot } from '../recovery/take-snapshot.ts';
import { writeRecords } from '../recovery/write-records.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { ServerLimits } from './server-limits.ts';

/** A registry that ends doesn't wait longer for its last notes; another process, or the next start, writes them. */
const closeMs = 10_000;

export type RecorderOptions = {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly limits: Pick<ServerLimits, 'recordMs' | 'snapshotMs'>;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
};

/**
 * Notes in storage what the database alone would know, so that it can be rebuilt: each manifest soon after its push,
 * tags and accounts now and then. No request waits for it. Any number of processes may record.
 */
export class Recorder {
  readonly #options: RecorderOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #end: AbortSignal | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** Records soon, because a manifest was pushed. */
  wake(): void {
    if (this.#end !== undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#writeNow();
    }, this.#options.limits.recordMs).unref();
  }

  #writeNow(): void {
    if (this.#running !== undefined) {
      // It may have looked for the last time already.
      void this.#running.then(() => this.wake());
      return;
    }
    this.#running = this.#writeRecords().finally(() => {
      this.#running = undefined;
    });
  }

  /** Records what is due. What fails is logged and due again. */
  async record(): Promise<void> {
    await this.#writeRecords();
    await this.#takeSnapshot(false);
  }

  /** Records what there is, as far as it gets in a few seconds; nothing is recorded afterwards. */
  async close(): Promise<void> {
    if (this.#end !== undefined) return;
    this.#end = AbortSignal.timeout(closeMs);
    clearTimeout(this.#timer);
    await this.#running;
    await this.#writeRecords();
    await this.#takeSnapshot(true);
  }

  async #writeRecords(): Promise<void> {
    const { database, blobs, clock, log } = this.#options;
    try {
      while (this.#end?.aborted !== true && (await writeRecords(database, blobs, { clock })) > 0);
    } catch (error) {
      log.error({ err: error }, 'manifests are not noted in storage yet');
    }
  }

  async #takeSnapshot(isEarly: boolean): Promise<void> {
    const { database, blobs, clock, limits, log } = this.#options;
    try {
      const signal = this.#end;
      await takeSnapshot(database, blobs, {
        clock,
        everyMs: limits.snapshotMs,
        isEarly,
        ...(signal && { signal }),
      });
    } catch (error) {
      log.error({ err: error }, 'tags and accounts are not noted in storage');
    }
  }
}
