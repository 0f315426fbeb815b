import { randomUUID } from 'node:crypto';
import type { Database } from '../metadata/database.ts';
import { endJob, ensureJob, type JobLease, keepJob, replaceJobKey, takeJob } from '../metadata/jobs.ts';
import { createBlobKey } from '../storage/blob-key.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { putBlob } from '../storage/put-blob.ts';
import { encodeSnapshot } from './snapshot.ts';

/** How long a process that says nothing is believed to be at it. */
const leaseMs = 10 * 60 * 1000;

/** Snapshots of a large registry take longer, and come less often: this part of the time at most. */
const mostShare = 1 / 100;

export type SnapshotOptions = {
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Time between two snapshots. */
  readonly everyMs: number;
  /** Whether to take one before it is due, unless another process does so now. */
  readonly isEarly?: boolean;
  readonly signal?: AbortSignal;
};

/**
 * Stores tags, their history and accounts, as far as the database alone knows them, when it is time; the one before
 * goes. Any number of processes may call this; one of them does it.
 *
 * @returns whether it was done here
 */
export async function takeSnapshot(
  database: Database,
  blobs: BlobStore,
  { clock, everyMs, isEarly = false, signal }: SnapshotOptions,
): Promise<boolean> {
  const begunAt = clock();
  const nextKey = createBlobKey('snapshot');
  const lease = (): JobLease => ({ name: 'snapshot', holder, now: clock(), until: clock() + leaseMs });
  const holder = randomUUID();
  const isTaken = await database.transaction(async (writer) => {
    await ensureJob(writer, 'snapshot', begunAt + everyMs);
    return (await takeJob(writer, lease(), { isEarly, nextKey })) !== undefined;
  });
  if (!isTaken) return false;
  let keepAt = begunAt + leaseMs / 4;
  const keep = async () => {
    signal?.throwIfAborted();
    if (clock() < keepAt) return;
    keepAt = clock() + leaseMs / 4;
    const isKept = await database.transaction((writer) => keepJob(writer, lease()));
    if (!isKept) throw new Error('another process takes the snapshot');
  };
  try {
    await putBlob(blobs, eachAfter(keep, encodeSnapshot(database, begunAt)), nextKey);
  } catch (error) {
    // A registry that ends meanwhile must not find that somebody is at it.
    await database.transaction((writer) => endJob(writer, lease(), { dueAt: clock() + leaseMs }));
    throw error;
  }
  const dueAt = clock() + Math.max(everyMs, (clock() - begunAt) / mostShare);
  return await database.transaction(async (writer) => {
    const isDone = await replaceJobKey(writer, { name: 'snapshot', holder }, nextKey, clock());
    return isDone && (await endJob(writer, { name: 'snapshot', holder }, { dueAt }));
  });
}

async function* eachAfter<T>(work: () => Promise<void>, items: AsyncIterable<T>): AsyncGenerator<T> {
  for await (const item of items) {
    await work();
    yield item;
  }
}
