import { randomUUID } from 'node:crypto';
import { type Database, ofOneRow } from '../metadata/database.ts';
import { endJob, ensureJob, type JobLease, keepJob, takeJob } from '../metadata/jobs.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { mayForget } from './may-forget.ts';
import { type Scrubbed, type ScrubPosition, scrub } from './scrub.ts';

/** When everything that is stored is read again, and how fast at most. */
export type ScrubSchedule = { readonly everyMs: number; readonly bytesPerSecond: number };

export type ScheduledScrubOptions = {
  readonly schedule: ScrubSchedule;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Waits. */
  readonly pause: (milliseconds: number) => Promise<unknown>;
  /** Called for everything that was read. */
  readonly onRead: (scrubbed: Scrubbed) => void;
  readonly signal: AbortSignal;
};

/** What a pass found; `given up` where so much was bad that the storage itself must be wrong. */
export type ScrubResult = {
  readonly end: 'done' | 'given up' | 'taken over';
  readonly read: number;
  readonly bad: number;
};

/** How long a process that says nothing is believed to be at it. */
const leaseMs = 10 * 60 * 1000;

/** So often it is noted how far it is. */
const noteMs = 60 * 1000;

type State = {
  readonly startedAt: number;
  readonly position: ScrubPosition | undefined;
  readonly read: number;
  readonly bad: number;
};

/**
 * Reads everything that a registry stores, if it is time, and forgets what is lost or damaged. Any number of
 * processes may call this; one of them does it, and another goes on where one stopped.
 *
 * @returns undefined if it is not time, or another process is at it
 */
export async function scrubWhenDue(
  database: Database,
  blobs: BlobStore,
  { schedule, clock, pause, onRead, signal }: ScheduledScrubOptions,
): Promise<ScrubResult | undefined> {
  const holder = randomUUID();
  const lease = (): JobLease => ({ name: 'scrub', holder, now: clock(), until: clock() + leaseMs });
  const left = await database.transaction(async (writer) => {
    await ensureJob(writer, 'scrub', clock());
    return await takeJob(writer, lease());
  });
  if (left === undefined) return undefined;
  let state = stateFrom(left, clock());
  const { end, note } = keeping(database, lease, () => state, clock);
  const pace = async (bytes: number) => {
    await pause((bytes / schedule.bytesPerSecond) * 1000);
    await note();
  };
  const forgets = () => mayForget(state);
  try {
    for await (const found of scrub(database, blobs, {
      forgets,
      after: state.position,
      pace,
      clock,
      signal,
    })) {
      const bad = state.bad + (found.state === 'sound' ? 0 : 1);
      state = { ...state, position: found.position, read: state.read + 1, bad };
      onRead(found);
      if (found.state !== 'sound' && !found.isForgotten) return await end('given up', schedule.everyMs);
    }
    return await end('done', schedule.everyMs);
  } catch (error) {
    if (error instanceof TakenOver) return { end: 'taken over', read: state.read, bad: state.bad };
    // Whoever comes next goes on here.
    await database.transaction((writer) => {
      return endJob(writer, lease(), { dueAt: clock(), state: JSON.stringify(state) });
    });
    throw error;
  }
}

/** Another process thinks that this one has died. */
class TakenOver extends Error {}

function keeping(database: Database, lease: () => JobLease, state: () => State, clock: () => number) {
  let noteAt = clock() + noteMs;
  return {
    note: async () => {
      if (clock() < noteAt) return;
      noteAt = clock() + noteMs;
      const isKept = await database.transaction(
        (writer) => keepJob(writer, lease(), JSON.stringify(state())),
        ofOneRow,
      );
      if (!isKept) throw new TakenOver();
    },
    end: async (end: 'done' | 'given up', everyMs: number): Promise<ScrubResult> => {
      const { startedAt, read, bad } = state();
      const dueAt = Math.max(startedAt + everyMs, clock());
      await database.transaction((writer) => endJob(writer, lease(), { dueAt }));
      return { end, read, bad };
    },
  };
}

function stateFrom(text: string, now: number): State {
  if (text !== '') return JSON.parse(text) as State;
  return { startedAt: now, position: undefined, read: 0, bad: 0 };
}
