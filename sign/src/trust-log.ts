import type { JsonObject, JsonValue } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { checkLog, type KnownLog } from './log/known-log.ts';
import { formatNoteKey, parseNoteKey } from './log/note-key.ts';
import { type Fingerprint, parseFingerprint } from './public-key.ts';

/** A key that somebody gave up: what a log had of it before an entry still counts, and nothing else. */
export type RetiredKey = {
  readonly key: Fingerprint;
  /** The name of the log. */
  readonly log: string;
  /** The first entry for which the key no longer counts. */
  readonly from: number;
};

const maxWitnesses = 64;

/** @throws SignError POLICY_INVALID, NOTE_INVALID, KEY_UNSUPPORTED, KEY_WEAK; SpecError for a field of the wrong type */
export function logFrom(value: JsonValue, index: number): KnownLog {
  const fields = new JsonFields(value, `trust document.logs[${index}]`, 'JSON_INVALID');
  fields.onlyKeys(['key', 'require', 'witnesses']);
  return checkLog({
    key: parseNoteKey(fields.string('key')),
    witnesses: (fields.optionalStrings('witnesses', maxWitnesses) ?? []).map(parseNoteKey),
    requireWitnesses: fields.optionalInteger('require', 0, maxWitnesses) ?? 0,
  });
}

/** What {@link logFrom} reads. */
export function logJson({ key, witnesses, requireWitnesses }: KnownLog): JsonObject {
  return {
    key: formatNoteKey(key),
    ...(witnesses.length > 0 && { require: requireWitnesses, witnesses: witnesses.map(formatNoteKey) }),
  };
}

/** @throws SignError KEY_INVALID; SpecError for a field of the wrong type */
export function retiredKeyFrom(value: JsonValue, index: number): RetiredKey {
  const fields = new JsonFields(value, `trust document.retired[${index}]`, 'JSON_INVALID');
  fields.onlyKeys(['key', 'log', 'from']);
  return {
    key: parseFingerprint(fields.string('key')),
    log: fields.string('log'),
    from: fields.integer('from', 0),
  };
}
