import { withSignatures } from '@img/sign/log/checkpoint';
import { consistencyRanges } from '@img/sign/log/consistency-proof';
import { type NoteKey, parseNoteKey } from '@img/sign/log/note-key';
import { encodeNote, type NoteSignature, parseNote, verifyNote } from '@img/sign/log/signed-note';
import type { Logger } from 'pino';
import type { Database } from '../metadata/database.ts';
import {
  type LogRow,
  listWitnesses,
  setPublished,
  setWitnessSize,
  type WitnessRow,
} from '../metadata/log/logs.ts';
import { hashesOf } from './prove-entry.ts';
import { askWitness } from './witness-client.ts';

/**
 * Has the witnesses of a log sign what it has, and publishes that with the signatures that came. A witness that can't
 * be asked, or doesn't sign, is left out: hosts know how many they require. Nothing to do without witnesses.
 */
export async function publishCheckpoint(
  { database, log: logger }: { readonly database: Database; readonly log: Logger },
  log: Pick<LogRow, 'id' | 'origin' | 'size' | 'latest'>,
): Promise<void> {
  const witnesses = await listWitnesses(database, log.id);
  if (witnesses.length === 0) return;
  const signatures = await Promise.all(
    witnesses.map(async (witness) => {
      try {
        return await cosignatures(database, log, witness);
      } catch (error) {
        logger.warn({ err: error, log: log.origin, witness: witness.url }, 'witness did not sign');
        return [];
      }
    }),
  );
  const note = withSignatures(parseNote(log.latest), signatures.flat());
  await database.transaction((writer) =>
    setPublished(writer, log.id, { size: log.size, note: encodeNote(note) }),
  );
}

async function cosignatures(
  database: Database,
  log: Pick<LogRow, 'id' | 'size' | 'latest'>,
  { witness, url, size }: WitnessRow,
): Promise<readonly NoteSignature[]> {
  const key = parseNoteKey(witness);
  let oldSize = size;
  // It knows best what it has seen: another process may have asked it since.
  for (let tries = 0; tries < 3 && oldSize <= log.size; tries += 1) {
    const proof = await hashesOf(database, log.id, consistencyRanges(oldSize, log.size), log.size);
    const answer = await askWitness(url, { oldSize, proof, checkpoint: log.latest });
    if (answer.signatures !== undefined) {
      const own = signaturesOf(key, log.latest, answer.signatures);
      const seen = { witness, size: log.size };
      await database.transaction((writer) => setWitnessSize(writer, log.id, seen));
      return own;
    }
    oldSize = answer.knownSize;
  }
  return [];
}

/** Those by the key of the witness. @throws SignError NOTE_INVALID if they are not by it */
function signaturesOf(
  key: NoteKey,
  latest: string,
  answered: readonly NoteSignature[],
): readonly NoteSignature[] {
  const note = { ...parseNote(latest), signatures: answered };
  verifyNote(note, [key]);
  return answered.filter(({ name, keyId }) => name === key.name && keyId === key.id);
}
