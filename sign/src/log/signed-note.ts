import { quote } from '@img/spec/quote';
import { decodeBase64, encodeBase64 } from '../base64.ts';
import { SignError } from '../sign-error.ts';
import { signed } from '../signed.ts';
import type { Signer } from '../signer.ts';
import { formatUnixTime, type UnixTime, unixTime } from '../unix-time.ts';
import { isNoteName, type NoteKey } from './note-key.ts';

/** One line of a note's signatures, unverified. */
export type NoteSignature = {
  readonly name: string;
  /** Of the key, in hex. */
  readonly keyId: string;
  readonly signature: Uint8Array;
};

/** A text with signatures (https://c2sp.org/signed-note). */
export type SignedNote = {
  /** Ends in a newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
};

const maxBytes = 64 * 1024;
const maxSignatures = 64;
const idBytes = 4;
const timeBytes = 8;

/** @throws SignError NOTE_INVALID */
export function parseNote(note: string): SignedNote {
  if (Buffer.byteLength(note) > maxBytes) throw invalid(`has more than ${maxBytes} bytes`);
  // Before the space are the control characters; U+FFFD stands for bytes that are no UTF-8.
  if (/[^\n -\ufffc\ufffe\uffff]/.test(note)) throw invalid('has control characters, or is no UTF-8');
  const at = note.lastIndexOf('\n\n');
  if (at < 0 || !note.endsWith('\n')) throw invalid('should be a text, an empty line and signatures');
  const lines = note.slice(at + 2, -1).split('\n');
  if (lines.length > maxSignatures) throw invalid(`has more than ${maxSignatures} signatures`);
  return { text: note.slice(0, at + 1), signatures: lines.map(parseSignature) };
}

export function encodeNote({ text, signatures }: SignedNote): string {
  return `${text}\n${signatures.map(encodeSignature).join('')}`;
}

/** `— name base64`, with its newline. */
export function encodeSignature({ name, keyId, signature }: NoteSignature): string {
  return `— ${name} ${encodeBase64(Buffer.concat([Buffer.from(keyId, 'hex'), signature]))}\n`;
}

/** @throws SignError NOTE_INVALID */
export function parseSignature(line: string): NoteSignature {
  const [dash, name = '', base64 = '', ...rest] = line.split(' ');
  const bytes = decodeBase64(base64);
  if (dash !== '—' || rest.length > 0 || !isNoteName(name) || (bytes?.byteLength ?? 0) <= idBytes) {
    throw invalid(`has the line ${quote(line)} where a signature should be`);
  }
  const [id, signature] = [bytes?.subarray(0, idBytes), bytes?.subarray(idBytes)];
  return {
    name,
    keyId: Buffer.from(id ?? []).toString('hex'),
    signature: signature ?? new Uint8Array(),
  };
}

/**
 * Signs a text.
 *
 * @param key of the kind log, the signer's
 * @throws SignError SIGNER_FAULTY; what the signer throws
 */
export async function signNote(text: string, key: NoteKey, signer: Signer): Promise<NoteSignature> {
  const signature = await signed(signer, Buffer.from(text));
  return { name: key.name, keyId: key.id, signature };
}

/** Signs that a witness has seen a text at a time (https://c2sp.org/tlog-cosignature). @throws as {@link signNote} */
export async function cosignNote(
  text: string,
  { key, signer, time }: { readonly key: NoteKey; readonly signer: Signer; readonly time: UnixTime },
): Promise<NoteSignature> {
  const stamp = Buffer.alloc(timeBytes);
  stamp.writeBigUInt64BE(BigInt(time));
  const signature = await signed(signer, cosigned(text, BigInt(time)));
  return { name: key.name, keyId: key.id, signature: new Uint8Array(Buffer.concat([stamp, signature])) };
}

/** A signature that was verified; of a witness, with the time at which it has seen the text. */
export type VerifiedNoteSignature = { readonly key: NoteKey; readonly time: UnixTime | undefined };

/**
 * The signatures of a note by keys that are known, each key once. Others are left aside.
 *
 * @throws SignError NOTE_INVALID if one that names a known key is not by it: somebody changed the note
 */
export function verifyNote(
  { text, signatures }: SignedNote,
  keys: readonly NoteKey[],
): readonly VerifiedNoteSignature[] {
  return keys.flatMap((key) => {
    const found = signatures.find(({ name, keyId }) => name === key.name && keyId === key.id);
    return found === undefined ? [] : [verified(text, found, key)];
  });
}

function verified(text: string, { signature }: NoteSignature, key: NoteKey): VerifiedNoteSignature {
  if (key.kind === 'log') {
    if (key.publicKey.verify(Buffer.from(text), signature)) return { key, time: undefined };
  } else if (signature.byteLength > timeBytes) {
    const seconds = Buffer.from(signature).readBigUInt64BE();
    if (key.publicKey.verify(cosigned(text, seconds), signature.subarray(timeBytes))) {
      return { key, time: unixTime(Number(seconds)) };
    }
  }
  throw invalid(`has a signature of ${quote(key.name)} that is not by its key ${key.id}`);
}

function cosigned(text: string, seconds: bigint): Uint8Array {
  return Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`);
}

/** For people: `2 witnesses, last at 2026-11-22T00:00:00Z`; undefined without witnesses. */
export function describeCosignatures(found: readonly VerifiedNoteSignature[]): string | undefined {
  const times = found.flatMap(({ time }) => time ?? []).toSorted((a, b) => b - a);
  const [last] = times;
  if (last === undefined) return undefined;
  return `${times.length} witness${times.length === 1 ? '' : 'es'}, last at ${formatUnixTime(last)}`;
}

function invalid(problem: string): SignError {
  return new SignError('NOTE_INVALID', `note ${problem}`);
}
