import { followLog, type LogReader } from '@img/registry/log/follow-log';
import { type VerifiedCheckpoint, verifyCheckpoint } from '@img/sign/log/checkpoint';
import type { KnownLog } from '@img/sign/log/known-log';
import { formatNoteKey } from '@img/sign/log/note-key';
import { type ReadEntry, readEntry } from '@img/sign/log/read-entry';
import { encodeNote } from '@img/sign/log/signed-note';
import { emptyRoot } from '@img/sign/log/tree-hash';
import type { PublicKey } from '@img/sign/public-key';
import type { LogMemory } from './log-memory.ts';

export type MonitorRequest = {
  readonly log: KnownLog;
  readonly reader: LogReader;
  readonly memory: LogMemory;
  /** Keys that nobody else should have. */
  readonly ownKeys: readonly PublicKey[];
  /** Whether a bundle was made here. */
  readonly isOwn: (bundle: Uint8Array) => boolean;
  /** Whether earlier alarms are no longer of interest. */
  readonly isAcknowledged: boolean;
  readonly signal: AbortSignal;
};

export type Monitored = {
  readonly now: VerifiedCheckpoint;
  /** How many entries came since the last time. */
  readonly added: number;
  /** By own keys, and not made here; those of this time. */
  readonly strange: readonly ReadEntry[];
  /** All that nobody has acknowledged. */
  readonly alarms: readonly number[];
};

/**
 * Reads what a log has got since the last time, checks that it is consistent with what was seen before, and looks for
 * statements by own keys that were not made here. What was checked is remembered, what was not, isn't.
 *
 * @throws RegistryError LOG_INCONSISTENT; what memory and reader throw
 */
export async function monitorLog(request: MonitorRequest): Promise<Monitored> {
  const { log, reader, memory, ownKeys, isOwn, signal } = request;
  const { name } = log.key;
  const seen = await memory.recall(name);
  const since =
    seen?.checkpoint === undefined
      ? { size: 0, root: emptyRoot }
      : verifyCheckpoint(seen.checkpoint, log.key, log.witnesses);
  const strange: ReadEntry[] = [];
  const now = await followLog(reader, log, {
    since,
    signal,
    onEntry: (index, bytes) => {
      if (isOwn(bytes)) return;
      const entry = readEntry(index, bytes, ownKeys);
      if (entry.key !== undefined) strange.push(entry);
    },
  });
  const before = request.isAcknowledged ? [] : (seen?.alarms ?? []);
  const alarms = [...before, ...strange.map(({ index }) => index)];
  await memory.remember(name, { key: formatNoteKey(log.key), checkpoint: encodeNote(now.note), alarms });
  return { now, added: now.size - since.size, strange, alarms };
}
