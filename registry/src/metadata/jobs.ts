import type { BlobKey } from '../storage/blob-key.ts';
import { emptyUpload } from '../storage/blob-store.ts';
import type { Reader, Writer } from './database.ts';
import { bury } from './tombstones.ts';

/** Work that one process at a time does for all: `snapshot`, `scrub`; `rebuild` while the database is being rebuilt. */
export type JobName = 'snapshot' | 'scrub' | 'rebuild';

export type Job = {
  /** When it is due; while somebody does it, when the time of that process ends. */
  readonly due_at: number;
  readonly holder: string | null;
  /** What it stored last. */
  readonly key: BlobKey | null;
  /** JSON that the job itself understands. */
  readonly state: string;
};

/** The right to do a job until a time. */
export type JobLease = {
  readonly name: JobName;
  readonly holder: string;
  readonly now: number;
  readonly until: number;
};

export async function findJob(reader: Reader, name: JobName): Promise<Job | undefined> {
  return reader.get<Job>('SELECT due_at, holder, key, state FROM jobs WHERE name = $1', name);
}

/**
 * Makes a job that is not there yet.
 *
 * @param key what it stored before, if the storage has that
 */
export async function ensureJob(
  writer: Writer,
  name: JobName,
  dueAt: number,
  key: BlobKey | null = null,
): Promise<void> {
  await writer.run(
    "INSERT INTO jobs (name, due_at, key, state) VALUES ($1, $2, $3, '') ON CONFLICT (name) DO NOTHING",
    name,
    dueAt,
    key,
  );
}

/** Removes a job, with what is noted about it. */
export async function removeJob(writer: Writer, name: JobName): Promise<void> {
  await writer.run('DELETE FROM jobs WHERE name = $1', name);
}

/**
 * Takes a job that is due, or that nobody does just now if it need not be due.
 *
 * @param nextKey what its holder is about to store, if it stores something
 * @returns the state that it was left in; undefined if it is not to be had
 */
export async function takeJob(
  writer: Writer,
  { name, holder, now, until }: JobLease,
  { isEarly = false, nextKey }: { readonly isEarly?: boolean; readonly nextKey?: BlobKey } = {},
): Promise<string | undefined> {
  const job = await writer.get<{ next_key: BlobKey | null; state: string }>(
    `SELECT next_key, state FROM jobs j
      WHERE name = $1 AND (due_at <= $2 ${isEarly ? 'OR holder IS NULL' : ''}) ${writer.dialect.skipLocked('j')}`,
    name,
    now,
  );
  if (job === undefined) return undefined;
  if (job.next_key !== null) await bury(writer, { key: job.next_key, state: emptyUpload }, now);
  await writer.run(
    'UPDATE jobs SET holder = $1, due_at = $2, next_key = $3 WHERE name = $4',
    holder,
    until,
    nextKey ?? null,
    name,
  );
  return job.state;
}

/** Prolongs the time of whoever does the job and notes how far it is; false if it was lost. */
export async function keepJob(
  writer: Writer,
  { name, holder, until }: JobLease,
  state?: string,
): Promise<boolean> {
  const kept = await writer.run(
    'UPDATE jobs SET due_at = $1, state = COALESCE($2, state) WHERE name = $3 AND holder = $4',
    until,
    state ?? null,
    name,
    holder,
  );
  return kept > 0;
}

/** Ends a job until it is due again; false if it was lost. */
export async function endJob(
  writer: Writer,
  { name, holder }: Pick<JobLease, 'name' | 'holder'>,
  { dueAt, state = '' }: { readonly dueAt: number; readonly state?: string },
): Promise<boolean> {
  const ended = await writer.run(
    'UPDATE jobs SET holder = NULL, due_at = $1, state = $2 WHERE name = $3 AND holder = $4',
    dueAt,
    state,
    name,
    holder,
  );
  return ended > 0;
}

/** Makes what the holder of a job was about to store what the job stored last, and buries what that was before. */
export async function replaceJobKey(
  writer: Writer,
  { name, holder }: Pick<JobLease, 'name' | 'holder'>,
  nextKey: BlobKey,
  now: number,
): Promise<boolean> {
  const job = await writer.get<{ key: BlobKey | null }>(
    'SELECT key FROM jobs WHERE name = $1 AND holder = $2 AND next_key = $3',
    name,
    holder,
    nextKey,
  );
  if (job === undefined) {
    await bury(writer, { key: nextKey, state: emptyUpload }, now);
    return false;
  }
  if (job.key !== null) await bury(writer, { key: job.key, state: emptyUpload }, now);
  await writer.run('UPDATE jobs SET key = $1, next_key = NULL WHERE name = $2', nextKey, name);
  return true;
}
