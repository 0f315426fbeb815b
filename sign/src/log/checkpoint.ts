import { quote } from '@img/spec/quote';
import { decodeBase64, encodeBase64 } from '../base64.ts';
import { SignError } from '../sign-error.ts';
import type { Signer } from '../signer.ts';
import type { Tree } from './consistency-proof.ts';
import type { NoteKey } from './note-key.ts';
import {
  parseNote,
  type SignedNote,
  signNote,
  type VerifiedNoteSignature,
  verifyNote,
} from './signed-note.ts';
import { emptyRoot, hashBytes, isSameHash } from './tree-hash.ts';

/** What a log has, as it signs it (https://c2sp.org/tlog-checkpoint). */
export type Checkpoint = Tree & {
  /** The log's name: where it is, without https://. */
  readonly origin: string;
};

/** The text that is signed. */
export function encodeCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${encodeBase64(root)}\n`;
}

/** @throws SignError NOTE_INVALID */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = '', sizeText = '', rootText = '', ...others] = text.split('\n');
  const size = /^(?:0|[1-9]\d{0,15})$/.test(sizeText) ? Number(sizeText) : Number.NaN;
  const root = decodeBase64(rootText);
  // Lines that follow are for others; the last one is what the final newline leaves.
  const isWhole = origin !== '' && others.length > 0 && !others.slice(0, -1).includes('');
  if (!isWhole || !Number.isSafeInteger(size) || root?.byteLength !== hashBytes) {
    throw new SignError(
      'NOTE_INVALID',
      `checkpoint ${quote(text)} should be the name of a log, a size and a hash`,
    );
  }
  if (size === 0 && !isSameHash(root, emptyRoot)) {
    throw new SignError('NOTE_INVALID', `checkpoint of ${quote(origin)} has no entries, and a hash of some`);
  }
  return { origin, size, root };
}

/** Signs what a log has. @throws SignError SIGNER_FAULTY; what the signer throws */
export async function signCheckpoint(
  checkpoint: Checkpoint,
  key: NoteKey,
  signer: Signer,
): Promise<SignedNote> {
  const text = encodeCheckpoint(checkpoint);
  return { text, signatures: [await signNote(text, key, signer)] };
}

export type VerifiedCheckpoint = Checkpoint & {
  /** The note, with all of its signatures. */
  readonly note: SignedNote;
  /** Witnesses that have seen it, of those that are known. */
  readonly witnesses: readonly VerifiedNoteSignature[];
};

/**
 * Reads a checkpoint of a log.
 *
 * @param log its key
 * @param witnesses whose signatures are looked for
 * @throws SignError NOTE_INVALID unless the log has signed it and what is said to be by a known witness is
 */
export function verifyCheckpoint(
  note: string,
  log: NoteKey,
  witnesses: readonly NoteKey[] = [],
): VerifiedCheckpoint {
  const parsed = parseNote(note);
  const checkpoint = parseCheckpoint(parsed.text);
  if (checkpoint.origin !== log.name) {
    throw new SignError(
      'NOTE_INVALID',
      `checkpoint is of the log ${quote(checkpoint.origin)}, not of ${quote(log.name)}`,
    );
  }
  if (verifyNote(parsed, [log]).length === 0) {
    throw new SignError(
      'NOTE_INVALID',
      `checkpoint of ${quote(log.name)} is not signed by its key ${log.id}`,
    );
  }
  return { ...checkpoint, note: parsed, witnesses: verifyNote(parsed, witnesses) };
}

/** The note with more signatures; of each key the first stays. */
export function withSignatures(note: SignedNote, added: SignedNote['signatures']): SignedNote {
  const signatures = [...note.signatures];
  for (const signature of added) {
    const isThere = signatures.some(
      ({ name, keyId }) => name === signature.name && keyId === signature.keyId,
    );
    if (!isThere) signatures.push(signature);
  }
  return { ...note, signatures };
}
