import type { BlobKey } from '../storage/blob-key.ts';
import type { UploadState } from '../storage/blob-store.ts';
import type { Reader, Writer } from './database.ts';

/** Bytes that nothing names any more and that are to be removed from the blob store. */
export type Tombstone = { readonly key: BlobKey; readonly state: UploadState };

/**
 * Notes that bytes are to be removed, in the transaction that takes away what named them. The row goes when the
 * bytes are gone, so a process that dies in between leaves nothing behind.
 *
 * @param from when they may be removed; later than now where somebody may still be writing them
 */
export async function bury(writer: Writer, { key, state }: Tombstone, from: number): Promise<void> {
  await writer.run(
    'INSERT INTO tombstones (key, size, notes, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (key) DO NOTHING',
    key,
    state.sizeBytes,
    state.notes,
    from,
  );
}

/** {@link bury} for a complete blob. */
export async function buryBlob(
  writer: Writer,
  { key, size }: { readonly key: BlobKey; readonly size: number },
  from: number,
): Promise<void> {
  await bury(writer, { key, state: { sizeBytes: size, notes: '', tail: new Uint8Array() } }, from);
}

/** What may be removed by now. */
export async function listTombstones(
  reader: Reader,
  now: number,
  limit: number,
): Promise<readonly Tombstone[]> {
  const rows = await reader.all<{ key: BlobKey; size: number; notes: string }>(
    'SELECT key, size, notes FROM tombstones WHERE created_at <= $1 ORDER BY created_at LIMIT $2',
    now,
    limit,
  );
  return rows.map(({ key, size, notes }) => {
    return { key, state: { sizeBytes: size, notes, tail: new Uint8Array() } };
  });
}

/** Forgets what was removed from the blob store. */
export async function forgetTombstones(writer: Writer, keys: readonly BlobKey[]): Promise<void> {
  for (const key of keys) await writer.run('DELETE FROM tombstones WHERE key = $1', key);
}
