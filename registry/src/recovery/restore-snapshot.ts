import type { Database } from '../metadata/database.ts';
import { RegistryError } from '../registry-error.ts';
import type { BlobKey } from '../storage/blob-key.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { isUnreadable } from './is-unreadable.ts';
import { checkSnapshot, readSnapshot, type SnapshotRow } from './snapshot.ts';

const batchRows = 500;
const mostNamed = 100;

/** A snapshot that is whole. */
export type FoundSnapshot = {
  readonly key: BlobKey;
  /** When it was begun, in milliseconds since 1970. */
  readonly begunAt: number;
};

/**
 * The newest of the snapshots that are whole, and how many are not.
 *
 * @param onUnreadable called for one that the disk can't read
 */
export async function findSnapshot(
  blobs: BlobStore,
  keys: readonly BlobKey[],
  onUnreadable: (key: BlobKey) => void,
): Promise<{ readonly newest: FoundSnapshot | undefined; readonly damaged: number }> {
  let newest: FoundSnapshot | undefined;
  let damaged = 0;
  for (const key of keys) {
    try {
      const begunAt = await checkSnapshot(await blobs.get(key));
      if (newest === undefined || begunAt > newest.begunAt) newest = { key, begunAt };
    } catch (error) {
      if (isUnreadable(error)) onUnreadable(key);
      else if (!(error instanceof RegistryError)) throw error;
      damaged += 1;
    }
  }
  return { newest, damaged };
}

/** What a snapshot has and could not be put back. */
export type SnapshotLosses = {
  /** Tags, as `repository:tag`, whose manifests are lost; the first hundred. */
  readonly lostTags: readonly string[];
  /** Organisations that had transparency logs. */
  readonly logs: readonly string[];
};

/** Puts back everything that a snapshot has; the manifests must be there already. */
export async function restoreSnapshot(
  database: Database,
  blobs: BlobStore,
  { key }: FoundSnapshot,
  signal: AbortSignal,
): Promise<SnapshotLosses> {
  const lostTags: string[] = [];
  const logs: string[] = [];
  let batch: SnapshotRow[] = [];
  const flush = async () => {
    const rows = batch;
    batch = [];
    const lost = await putBack(database, rows);
    lostTags.push(...lost.slice(0, mostNamed - lostTags.length));
  };
  for await (const row of readSnapshot(await blobs.get(key))) {
    signal.throwIfAborted();
    if (row.table.name === 'log') logs.push(String(row.values[0]));
    else batch.push(row);
    if (batch.length === batchRows) await flush();
  }
  await flush();
  return { lostTags, logs };
}

async function putBack(database: Database, rows: readonly SnapshotRow[]): Promise<readonly string[]> {
  return await database.transaction(async (writer) => {
    const lost: string[] = [];
    for (const { table, values } of rows) {
      if (table.insert === undefined) continue;
      const changed = await writer.run(table.insert, ...values);
      if (changed === 0 && table.name === 'tag') lost.push(`${values[0]}:${values[1]}`);
    }
    return lost;
  });
}
