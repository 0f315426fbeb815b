import { createHash } from 'node:crypto';
import { quote } from '@img/spec/quote';
import { decodeBase64, encodeBase64 } from '../base64.ts';
import { PublicKey } from '../public-key.ts';
import { SignError } from '../sign-error.ts';

/** What a key signs: notes as they are, which logs do, or with the time at which they were seen, as witnesses do. */
export type NoteKeyKind = 'log' | 'witness';

/** A key that signs notes, with the name that it signs them under (https://c2sp.org/signed-note). */
export type NoteKey = {
  readonly kind: NoteKeyKind;
  readonly name: string;
  /** Four bytes that name and key give; in hex. They find the key, and prove nothing. */
  readonly id: string;
  readonly publicKey: PublicKey;
};

const typeBytes: { readonly [kind in NoteKeyKind]: number } = { log: 0x01, witness: 0x04 };
const maxCharacters = 1024;

/** @throws SignError NOTE_INVALID for a name that can't stand in a note, KEY_UNSUPPORTED for a key other than Ed25519 */
export function noteKey(kind: NoteKeyKind, name: string, publicKey: PublicKey): NoteKey {
  if (!isNoteName(name)) {
    throw new SignError('NOTE_INVALID', `key name ${quote(name)} should have no spaces and no "+"`);
  }
  if (publicKey.algorithm !== 'ed25519') {
    throw new SignError('KEY_UNSUPPORTED', `key ${publicKey.fingerprint} of ${quote(name)} is not Ed25519`);
  }
  return { kind, name, id: keyId(kind, name, publicKey), publicKey };
}

/** The one line that people exchange: `example.com/log+3de02b3c+AQID…`. */
export function formatNoteKey({ kind, name, id, publicKey }: NoteKey): string {
  return `${name}+${id}+${encodeBase64(typed(kind, publicKey))}`;
}

/**
 * Reads a key as {@link formatNoteKey} writes it.
 *
 * @throws SignError NOTE_INVALID, KEY_UNSUPPORTED for a key of another type, KEY_WEAK
 */
export function parseNoteKey(text: string): NoteKey {
  const [name = '', id = '', ...rest] = text.split('+');
  // Base64 has plus signs, too.
  const bytes = decodeBase64(rest.join('+'));
  if (text.length > maxCharacters || !isNoteName(name) || bytes === undefined || bytes.byteLength < 2) {
    throw new SignError(
      'NOTE_INVALID',
      `key ${quote(text)} should be a name, "+", eight hex digits, "+" and base64`,
      { hint: 'logs and witnesses publish such a line; img log show prints that of a log' },
    );
  }
  const kind = (['log', 'witness'] as const).find((each) => typeBytes[each] === bytes[0]);
  if (kind === undefined || bytes.byteLength !== 33) {
    throw new SignError('KEY_UNSUPPORTED', `key of ${quote(name)} has the type ${bytes[0]}, not Ed25519`);
  }
  const key = noteKey(kind, name, new PublicKey({ algorithm: 'ed25519', point: bytes.subarray(1) }));
  if (key.id === id) return key;
  throw new SignError(
    'NOTE_INVALID',
    `key of ${quote(name)} should have the id ${key.id}, not ${quote(id)}`,
    {
      hint: 'the line was changed: get it again from its owner',
    },
  );
}

export function isSameNoteKey(a: NoteKey, b: NoteKey): boolean {
  return formatNoteKey(a) === formatNoteKey(b);
}

/** Whether a name can stand in a note: visible, without spaces and plus signs. */
export function isNoteName(name: string): boolean {
  return /^[^\s+\p{C}\p{Z}]{1,255}$/u.test(name);
}

function keyId(kind: NoteKeyKind, name: string, publicKey: PublicKey): string {
  const hash = createHash('sha256').update(`${name}\n`).update(typed(kind, publicKey));
  return hash.digest('hex').slice(0, 8);
}

// The 32 bytes of an Ed25519 key are the end of its SubjectPublicKeyInfo (RFC 8410 section 4).
function typed(kind: NoteKeyKind, publicKey: PublicKey): Uint8Array {
  return Uint8Array.of(typeBytes[kind], ...publicKey.spki().subarray(-32));
}
