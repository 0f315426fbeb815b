import type { Reader } from './database.ts';

/** What waits to be cleaned up, and how long already; ages in milliseconds, 0 where nothing waits. */
export type Backlog = {
  /** Of the review that is longest overdue. */
  readonly reviewAgeMs: number;
  /** Bytes that nothing names any more and that are still stored. */
  readonly tombstones: number;
  readonly tombstoneAgeMs: number;
  /** Manifests that storage doesn't know of yet. */
  readonly unnoted: number;
  readonly uploads: number;
  /** Of the upload that nobody has touched for the longest time. */
  readonly uploadAgeMs: number;
};

/** Asks indexes and small tables only. */
export async function findBacklog(reader: Reader, now: number): Promise<Backlog> {
  const review = await reader.get<{ at: number | null }>(
    'SELECT min(review_at) AS at FROM links WHERE review_at IS NOT NULL AND review_at <= $1',
    now,
  );
  const tombstones = await reader.get<{ n: number; at: number | null }>(
    'SELECT count(*) AS n, min(created_at) AS at FROM tombstones',
  );
  const uploads = await reader.get<{ n: number; at: number | null }>(
    'SELECT count(*) AS n, min(updated_at) AS at FROM uploads',
  );
  const unnoted = await reader.get<{ n: number }>(
    'SELECT count(*) AS n FROM manifest_records WHERE due_at IS NOT NULL',
  );
  const age = (row: { readonly at: number | null } | undefined) => Math.max(0, now - (row?.at ?? now));
  return {
    reviewAgeMs: age(review),
    tombstones: tombstones?.n ?? 0,
    tombstoneAgeMs: age(tombstones),
    unnoted: unnoted?.n ?? 0,
    uploads: uploads?.n ?? 0,
    uploadAgeMs: age(uploads),
  };
}
