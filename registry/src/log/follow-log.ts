import { type VerifiedCheckpoint, verifyCheckpoint } from '@img/sign/log/checkpoint';
import type { Tree } from '@img/sign/log/consistency-proof';
import type { KnownLog } from '@img/sign/log/known-log';
import { RightEdge } from '@img/sign/log/right-edge';
import { parseEntries, type Tile, TileHashes, tilesFor, tileWidth } from '@img/sign/log/tile';
import { isSameHash, leafHash } from '@img/sign/log/tree-hash';
import { subtreesOf } from '@img/sign/log/tree-range';
import { SignError } from '@img/sign/sign-error';
import { RegistryError } from '../registry-error.ts';
import type { ContentOptions } from '../transfer/content.ts';

/** Where a log is read. What comes from there is not verified. */
export type LogReader = {
  /** How messages name it. */
  readonly name: string;
  /** The signed note that it has published. */
  checkpoint(options?: ContentOptions): Promise<string>;
  tile(tile: Tile, options?: ContentOptions): Promise<Uint8Array>;
};

export type FollowOptions = ContentOptions & {
  /** Where somebody stopped the last time, whose tree must be the beginning of what the log has now. */
  readonly since: Tree;
  /** Called for each entry since, in order; what it is told is true only if all of the following is. */
  readonly onEntry: (index: number, entry: Uint8Array) => void;
};

/**
 * Reads all that a log has got since somebody looked the last time, and checks that it is neither more nor less nor
 * anything else than what the log has signed, and that it still has all from before.
 *
 * @returns what the log has signed
 * @throws RegistryError LOG_INCONSISTENT if the log has changed or lost something, or shows something else than it has
 *   signed; SignError NOTE_INVALID; what the reader throws
 */
export async function followLog(
  reader: LogReader,
  log: KnownLog,
  { since, onEntry, ...options }: FollowOptions,
): Promise<VerifiedCheckpoint> {
  const now = verifyCheckpoint(await reader.checkpoint(options), log.key, log.witnesses);
  if (now.size < since.size) {
    throw inconsistent(reader, `it has ${now.size} entries, and had ${since.size} before`);
  }
  const edge = await edgeOf(reader, since, now.size, options);
  for await (const [index, entry] of entriesOf(reader, { begin: since.size, end: now.size }, options)) {
    edge.append(leafHash(entry));
    onEntry(index, entry);
  }
  if (isSameHash(edge.root, now.root)) return now;
  throw inconsistent(reader, `its ${now.size} entries are not those that it has signed`);
}

/** The entries of a log from one on, as they are shown. */
export async function* entriesOf(
  reader: LogReader,
  { begin, end }: { readonly begin: number; readonly end: number },
  options: ContentOptions = {},
): AsyncGenerator<readonly [index: number, entry: Uint8Array]> {
  for (let at = begin; at < end; ) {
    const index = Math.floor(at / tileWidth);
    const first = index * tileWidth;
    const width = Math.min(tileWidth, end - first);
    const bytes = await reader.tile({ level: 'entries', index, width }, options);
    const entries = parsed(reader, () => parseEntries(bytes, width));
    for (; at < first + width; at += 1) yield [at, entries[at - first] as Uint8Array];
  }
}

/** The right edge of what the log had, which must have the root that it had. */
async function edgeOf(
  reader: LogReader,
  since: Tree,
  size: number,
  options: ContentOptions,
): Promise<RightEdge> {
  const range = { begin: 0, end: since.size };
  const tiles = new TileHashes();
  for (const tile of tilesFor([range], size)) tiles.add(tile, await reader.tile(tile, options));
  const hashes = subtreesOf(range).map((subtree) => parsed(reader, () => tiles.hashOf(subtree)));
  const edge = new RightEdge(since.size, hashes);
  if (isSameHash(edge.root, since.root)) return edge;
  throw inconsistent(reader, `its first ${since.size} entries are not those that it had before`);
}

function parsed<T>(reader: LogReader, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof SignError) throw inconsistent(reader, error.message, error);
    throw error;
  }
}

function inconsistent(reader: LogReader, problem: string, cause?: unknown): RegistryError {
  return new RegistryError('LOG_INCONSISTENT', `the log ${reader.name} contradicts itself: ${problem}`, {
    cause,
    hint: 'trust nothing that is only in this log; keep what you have seen of it, and tell those who use it',
  });
}
