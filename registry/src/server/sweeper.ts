import type { Logger } from 'pino';
import { collectUnneededBlobs } from '../metadata/collect-unneeded-blobs.ts';
import { type Database, ofOneRow } from '../metadata/database.ts';
import { forgetTombstones, listTombstones } from '../metadata/tombstones.ts';
import { cancelUpload, hasUploadWithKey, listStaleUploads, lockUpload } from '../metadata/uploads.ts';
import { runDuePolicies } from '../retention/run-due-policies.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { PullNotes } from './pull-notes.ts';
import type { Recorder } from './recorder.ts';
import type { ServerLimits } from './server-limits.ts';

export type SweeperOptions = {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly limits: Pick<ServerLimits, 'uploadMs' | 'sweepMs' | 'unneededMs' | 'retentionMs'>;
  readonly pulls: PullNotes;
  readonly recorder: Recorder;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
};

/** Rows per transaction, so that no request waits long for the database. */
const batchRows = 100;

/** Blobs removed at once: an object storage takes so many in one request. */
const removedTogether = 1000;

/** Time between two looks for what the storage has begun and nobody knows of. */
const strayMs = 60 * 60 * 1000;

/** Its lock on an upload need not outlive the transaction that takes it. */
const sweeperToken = 'sweeper';

/**
 * Cleans up while the registry runs: uploads that were left, what no manifest came for, and the bytes of both. It
 * asks the database for what is due and never walks the storage. Any number of processes may sweep.
 */
export class Sweeper {
  readonly #options: SweeperOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isAwake = false;
  #nextStraysAt = 0;
  #isClosed = false;

  constructor(options: SweeperOptions) {
    this.#options = options;
  }

  /** Begins to sweep: now, and then again and again. */
  start(): void {
    this.#timer = setInterval(() => this.wake(), this.#options.limits.sweepMs).unref();
    this.wake();
  }

  /** Sweeps soon, because there is something to do. */
  wake(): void {
    if (this.#isClosed) return;
    this.#isAwake = true;
    this.#running ??= this.#sweepWhileAwake().finally(() => {
      this.#running = undefined;
    });
  }

  /** Ends the round that is under way; nothing is swept afterwards. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#running;
    await this.#options.pulls.flush().catch((error: unknown) => {
      this.#options.log.warn({ err: error }, 'what was pulled last is not noted');
    });
  }

  /** One round: everything that is due now. */
  async sweep(): Promise<void> {
    await this.#options.pulls.flush();
    await this.#runPolicies();
    await this.#repeat(batchRows, () => this.#cancelStaleUploads());
    await this.#repeat(batchRows, () => this.#collectBlobs());
    await this.#options.recorder.record();
    await this.#repeat(removedTogether, () => this.#removeBuried());
    await this.#abandonStrays();
  }

  async #sweepWhileAwake(): Promise<void> {
    while (this.#isAwake && !this.#isClosed) {
      this.#isAwake = false;
      try {
        await this.sweep();
      } catch (error) {
        // What was left is due again in the next round.
        this.#options.log.error({ err: error }, 'cleaning up failed');
      }
    }
  }

  async #repeat(limit: number, step: () => Promise<number>): Promise<void> {
    while (!this.#isClosed && (await step()) === limit);
  }

  async #runPolicies(): Promise<void> {
    const { database, limits, clock, log } = this.#options;
    const { unneededMs, retentionMs } = limits;
    const runs = runDuePolicies(database, { clock, unneededMs, retentionMs });
    for await (const { repository, removedTags, removedManifests } of runs) {
      if (this.#isClosed) return;
      log.info({ repository, removedTags, removedManifests }, 'policy carried out');
    }
  }

  async #cancelStaleUploads(): Promise<number> {
    const { database, limits, clock, log } = this.#options;
    const now = clock();
    const cancelled = await database.transaction(async (writer) => {
      const untouchedSince = now - limits.uploadMs;
      const stale = await listStaleUploads(writer, { untouchedSince, now, limit: batchRows });
      for (const upload of stale) {
        await lockUpload(writer, upload.id, { token: sweeperToken, now, until: now });
        await cancelUpload(writer, upload, { token: sweeperToken, now });
      }
      return stale;
    });
    for (const { id, repository } of cancelled) {
      log.info({ upload: id, repository }, 'upload was left and is cancelled');
    }
    return cancelled.length;
  }

  async #collectBlobs(): Promise<number> {
    const { database, clock } = this.#options;
    return database.transaction((writer) => collectUnneededBlobs(writer, clock(), batchRows));
  }

  async #removeBuried(): Promise<number> {
    const { database, blobs, clock } = this.#options;
    const tombstones = await listTombstones(database, clock(), removedTogether);
    if (tombstones.length === 0) return 0;
    await blobs.discard(tombstones);
    const keys = tombstones.map(({ key }) => key);
    await database.transaction((writer) => forgetTombstones(writer, keys), ofOneRow);
    return tombstones.length;
  }

  /** A process that dies between the storage and the database leaves an upload that only the storage knows. */
  async #abandonStrays(): Promise<void> {
    const { database, blobs, limits, clock, log } = this.#options;
    if (clock() < this.#nextStraysAt) return;
    this.#nextStraysAt = clock() + strayMs;
    for await (const upload of blobs.listUploads()) {
      if (this.#isClosed) return;
      const isOld = upload.begunAt < clock() - limits.uploadMs;
      if (!isOld || (await hasUploadWithKey(database, upload.key))) continue;
      await blobs.abandon(upload);
      log.info({ key: upload.key }, 'upload that nobody knows is removed');
    }
  }
}
