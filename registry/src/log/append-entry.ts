import { signCheckpoint } from '@img/sign/log/checkpoint';
import { encodeNote } from '@img/sign/log/signed-note';
import { leafHash } from '@img/sign/log/tree-hash';
import type { Database } from '../metadata/database.ts';
import { findEntry, insertEntry } from '../metadata/log/entries.ts';
import { type LogRow, listWitnesses, lockLog, setLatest, setPublished } from '../metadata/log/logs.ts';
import { readLogSigner } from './log-key.ts';

/**
 * Adds an entry to a log, unless it is there already; durable when it returns. Where the log has no witnesses, its
 * checkpoint is published with it. Any number of processes may append at the same time.
 *
 * @returns where the entry is
 */
export async function appendEntry(
  database: Database,
  log: Pick<LogRow, 'id' | 'namespace' | 'origin'>,
  entry: Uint8Array,
): Promise<number> {
  const leaf = leafHash(entry);
  const known = await findEntry(database, log.id, leaf);
  if (known !== undefined) return known;
  const { key, signer } = await readLogSigner(database, log);
  return await database.transaction(
    async (writer) => {
      const { id, origin, size } = await lockLog(writer, log.id);
      const isThere = await findEntry(writer, id, leaf);
      if (isThere !== undefined) return isThere;
      const root = await insertEntry(writer, { log: id, size, entry });
      const tree = { origin, size: size + 1, root };
      const latest = { size: size + 1, note: encodeNote(await signCheckpoint(tree, key, signer)) };
      await setLatest(writer, id, latest);
      if ((await listWitnesses(writer, id)).length === 0) await setPublished(writer, id, latest);
      return size;
    },
    // Whoever has locked the row of the log waits for nobody, and sees what the one before has written.
    { isolated: false },
  );
}
