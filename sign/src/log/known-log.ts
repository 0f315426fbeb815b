import { quote } from '@img/spec/quote';
import { SignError } from '../sign-error.ts';
import { isSameNoteKey, type NoteKey } from './note-key.ts';

/** A log that proofs are believed of. */
export type KnownLog = {
  readonly key: NoteKey;
  /** Who must have seen what the log says it has, so that it can't tell everybody something else. */
  readonly witnesses: readonly NoteKey[];
  /** How many of them; 0 believes the log alone. */
  readonly requireWitnesses: number;
};

/** Checks that a log can be believed. @throws SignError POLICY_INVALID */
export function checkLog(log: KnownLog): KnownLog {
  const { key, witnesses, requireWitnesses } = log;
  if (key.kind !== 'log') throw refuse(`${quote(key.name)} has the key of a witness, not of a log`);
  const other = witnesses.find(({ kind }) => kind !== 'witness');
  if (other !== undefined) throw refuse(`witness ${quote(other.name)} has the key of a log`);
  if (new Set(witnesses.map(({ publicKey }) => publicKey.fingerprint)).size !== witnesses.length) {
    throw refuse(`log ${quote(key.name)} lists a witness twice`);
  }
  if (requireWitnesses < 0 || requireWitnesses > witnesses.length) {
    throw refuse(`log ${quote(key.name)} requires ${requireWitnesses} of ${witnesses.length} witnesses`);
  }
  return log;
}

export function isSameLog(a: KnownLog, b: KnownLog): boolean {
  return (
    isSameNoteKey(a.key, b.key) &&
    a.requireWitnesses === b.requireWitnesses &&
    a.witnesses.length === b.witnesses.length &&
    a.witnesses.every((witness) => b.witnesses.some((other) => isSameNoteKey(witness, other)))
  );
}

function refuse(message: string): SignError {
  return new SignError('POLICY_INVALID', message);
}
