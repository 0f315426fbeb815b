import { withSignatures } from '@img/sign/log/checkpoint';
import { consistencyRanges } from '@img/sign/log/consistency-proof';
import { type NoteKey, parseNoteKey } from '@img/sign/log/note-key';
import { encodeNote, type NoteSignature, parseNote, verifyNote } from '@img/sign/log/signed-note';
import {
  type LogRow,
  listWitnesses,
  lockLog,
  setPublished,
  setWitnessSize,
  type WitnessRow,
} from '../metadata/log/logs.ts';
import type { Services } from '../server/services.ts';
import { hashesOf } from './prove-entry.ts';
import { askWitness } from './witness-client.ts';

/** What publishing needs of a registry. */
type Publisher = Pick<Services, 'database' | 'log' | 'limits'>;

/**
 * Has the witnesses of a log sign what it has, as far as they have not, and publishes that with the signatures that came.
 * A witness that can't be asked, or doesn't sign, is left out: hosts know how many they require. Nothing to do without
 * witnesses.
 */
export async function publishCheckpoint(services: Publisher, log: LogRow): Promise<void> {
  const { database, log: logger } = services;
  const witnesses = await listWitnesses(database, log.id);
  const missing = witnesses.filter(({ witness }) => !hasSigned(parseNoteKey(witness), log));
  if (missing.length === 0) return;
  const signatures = await Promise.all(
    missing.map(async (witness) => {
      try {
        return await cosignatures(services, log, witness);
      } catch (error) {
        logger.warn({ err: error, log: log.origin, witness: witness.url }, 'witness did not sign');
        return [];
      }
    }),
  );
  await database.transaction(
    async (writer) => {
      const now = await lockLog(writer, log.id);
      // What others have got for the same checkpoint meanwhile stays.
      const before = parseNote(now.published === log.size ? now.checkpoint : log.latest);
      const note = encodeNote(withSignatures(before, signatures.flat()));
      await setPublished(writer, log.id, { size: log.size, note });
    },
    { isolated: false },
  );
}

/** Whether a witness has signed what the log has now, and that is published. */
function hasSigned({ name, id }: NoteKey, { published, size, checkpoint }: LogRow): boolean {
  if (published < size) return false;
  return parseNote(checkpoint).signatures.some((each) => each.name === name && each.keyId === id);
}

async function cosignatures(
  { database, limits }: Publisher,
  log: LogRow,
  { witness, url, size }: WitnessRow,
): Promise<readonly NoteSignature[]> {
  const key = parseNoteKey(witness);
  let oldSize = size;
  // It knows best what it has seen: another process may have asked it since.
  for (let tries = 0; tries < 3 && oldSize <= log.size; tries += 1) {
    const proof = await hashesOf(database, log.id, consistencyRanges(oldSize, log.size), log.size);
    const growth = { oldSize, proof, checkpoint: log.latest };
    const answer = await askWitness(url, growth, limits.witnessMs);
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
