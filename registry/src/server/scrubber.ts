import { setTimeout } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Database } from '../metadata/database.ts';
import type { Scrubbed } from '../scrub/scrub.ts';
import { type ScrubSchedule, scrubWhenDue } from '../scrub/scrub-when-due.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { Meter } from './metrics/meter.ts';
import type { ServerLimits } from './server-limits.ts';

export type ScrubberOptions = {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly limits: Pick<ServerLimits, 'sweepMs'>;
  /** Undefined where nothing is scrubbed by itself. */
  readonly schedule: ScrubSchedule | undefined;
  readonly meter: Meter | undefined;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
};

/** Reads again and again what is stored, while the registry runs. Of all its processes, one does so at a time. */
export class Scrubber {
  readonly #options: ScrubberOptions;
  readonly #end = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(options: ScrubberOptions) {
    this.#options = options;
  }

  /** Begins to look whether it is time: now, and then again and again. */
  start(): void {
    const { schedule, limits } = this.#options;
    if (schedule === undefined) return;
    const look = () => {
      this.#running ??= this.#scrub(schedule).finally(() => {
        this.#running = undefined;
      });
    };
    this.#timer = setInterval(look, limits.sweepMs).unref();
    look();
  }

  /** Stops; the next process that looks goes on from there. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#end.abort();
    await this.#running;
  }

  async #scrub(schedule: ScrubSchedule): Promise<void> {
    const { database, blobs, clock, log, meter } = this.#options;
    const { signal } = this.#end;
    const pause = (milliseconds: number) => setTimeout(milliseconds, undefined, { signal, ref: false });
    const onRead = (found: Scrubbed) => {
      meter?.scrubbed(found);
      const { state, position, digest, repositories, isForgotten } = found;
      if (state !== 'sound') {
        log.error({ digest, kind: position.kind, state, repositories, isForgotten }, 'stored bytes are bad');
      }
    };
    try {
      const result = await scrubWhenDue(database, blobs, { schedule, clock, pause, onRead, signal });
      if (result === undefined) return;
      if (result.end === 'given up')
        log.error(result, 'so much is bad that the storage itself must be wrong');
      else log.info(result, 'scrub ended');
    } catch (error) {
      if (!signal.aborted) log.error({ err: error }, 'scrub failed, and goes on later');
    }
  }
}
