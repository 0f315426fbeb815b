import { type HashTile, hashOfRow, TileHashes, tileHashCount, tileWidth } from '@img/sign/log/tile';
import { leafHash, type TreeHash } from '@img/sign/log/tree-hash';
import { hashOfRange, type TreeRange } from '@img/sign/log/tree-range';
import type { Reader, Writer } from '../database.ts';

type HashRow = Pick<HashTile, 'level' | 'index'>;

/** Where an entry is; undefined if the log doesn't have it. */
export async function findEntry(reader: Reader, log: number, leaf: TreeHash): Promise<number | undefined> {
  const row = await reader.get<{ number: number }>(
    'SELECT number FROM log_entries WHERE log_id = $1 AND leaf = $2',
    log,
    leaf,
  );
  return row?.number;
}

/**
 * Adds an entry behind all others of a log that is locked. Reads and writes the tiles at the right edge and nothing
 * else, however large the log is.
 *
 * @param size how many entries the log has
 * @returns the root of the tree with it
 */
export async function insertEntry(
  writer: Writer,
  { log, size, entry }: { readonly log: number; readonly size: number; readonly entry: Uint8Array },
): Promise<TreeHash> {
  const leaf = leafHash(entry);
  await writer.run(
    'INSERT INTO log_entries (log_id, number, leaf, entry) VALUES ($1, $2, $3, $4)',
    log,
    size,
    leaf,
    entry,
  );
  const edge = new TileHashes();
  let added: TreeHash | undefined = leaf;
  for (let level = 0; tileHashCount(level, size + 1) > 0; level += 1) {
    const count = tileHashCount(level, size + 1);
    const tile = { level, index: Math.floor((count - 1) / tileWidth) };
    const before: Uint8Array = (await readTile(writer, log, tile)) ?? new Uint8Array();
    const hashes: Uint8Array = added === undefined ? before : new Uint8Array(Buffer.concat([before, added]));
    if (added !== undefined) await writeTile(writer, log, tile, hashes);
    edge.add(tile, hashes);
    // What is above a tile is known when the tile is full.
    added = added !== undefined && count % tileWidth === 0 ? hashOfRow(hashes) : undefined;
  }
  return hashOfRange({ begin: 0, end: size + 1 }, (subtree) => edge.hashOf(subtree));
}

/** A row of hashes, with all that it has by now; undefined if there is none. */
export async function readTile(
  reader: Reader,
  log: number,
  { level, index }: HashRow,
): Promise<Uint8Array | undefined> {
  const row = await reader.get<{ hashes: Uint8Array }>(
    'SELECT hashes FROM log_tiles WHERE log_id = $1 AND level = $2 AND number = $3',
    log,
    level,
    index,
  );
  return row?.hashes;
}

/** The entries from one on, in order. */
export async function listEntries(
  reader: Reader,
  log: number,
  { begin, end }: TreeRange,
): Promise<readonly Uint8Array[]> {
  const rows = await reader.all<{ entry: Uint8Array }>(
    'SELECT entry FROM log_entries WHERE log_id = $1 AND number >= $2 AND number < $3 ORDER BY number',
    log,
    begin,
    end,
  );
  return rows.map(({ entry }) => entry);
}

async function writeTile(
  writer: Writer,
  log: number,
  { level, index }: HashRow,
  hashes: Uint8Array,
): Promise<void> {
  await writer.run(
    `INSERT INTO log_tiles (log_id, level, number, hashes) VALUES ($1, $2, $3, $4)
      ON CONFLICT (log_id, level, number) DO UPDATE SET hashes = excluded.hashes`,
    log,
    level,
    index,
    hashes,
  );
}
