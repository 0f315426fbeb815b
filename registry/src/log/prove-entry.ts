import { inclusionRanges } from '@img/sign/log/inclusion-proof';
import { TileHashes, tilesFor } from '@img/sign/log/tile';
import { encodeProof } from '@img/sign/log/tlog-proof';
import type { TreeHash } from '@img/sign/log/tree-hash';
import { hashOfRange, type TreeRange } from '@img/sign/log/tree-range';
import type { Reader } from '../metadata/database.ts';
import { readTile } from '../metadata/log/entries.ts';
import type { LogRow } from '../metadata/log/logs.ts';

/** That an entry is in what a log has published, as a text that travels with the entry. */
export async function proveEntry(
  reader: Reader,
  log: Pick<LogRow, 'id' | 'published' | 'checkpoint'>,
  index: number,
): Promise<string> {
  const ranges = inclusionRanges(index, log.published);
  const hashes = await hashesOf(reader, log.id, ranges, log.published);
  return encodeProof({ index, hashes, checkpoint: log.checkpoint });
}

/** The hashes of parts of a log when it had a size; a few tiles are read for it, however large the log is. */
export async function hashesOf(
  reader: Reader,
  log: number,
  ranges: readonly TreeRange[],
  size: number,
): Promise<readonly TreeHash[]> {
  const tiles = new TileHashes();
  for (const { level, index } of tilesFor(ranges, size)) {
    tiles.add({ level, index }, (await readTile(reader, log, { level, index })) ?? new Uint8Array());
  }
  return ranges.map((range) => hashOfRange(range, (subtree) => tiles.hashOf(subtree)));
}
