import { type Digest, parseDigest } from '@img/spec/digest';
import type { JsonObject, JsonValue } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { parseNamePrefix } from '@img/spec/name-prefix';
import { quote } from '@img/spec/quote';
import { readDocument } from './document.ts';
import { type Identity, parseIdentityId, parseIdentityName } from './identity.ts';
import type { KnownLog } from './log/known-log.ts';
import { type Fingerprint, type PublicKey, parseFingerprint, parsePublicKey } from './public-key.ts';
import { SignError } from './sign-error.ts';
import { logFrom, logJson, type RetiredKey, retiredKeyFrom } from './trust-log.ts';
import { checkRule, type TrustRule } from './trust-rule.ts';

/**
 * One document of a host's trust: identities, rules, and what must not be trusted. A rule may name identities that another document
 * defines; `mergeTrustDocuments` makes the policy out of all of them.
 *
 * As JSON:
 *
 *     {
 *       "format": 1,
 *       "identities": [{"id": "alice", "name": "Alice", "keys": ["ssh-ed25519 AAAA…"]}],
 *       "rules": [{"prefix": "com.example.*", "require": 1, "of": ["alice"]}],
 *       "revoked": ["SHA256:…"],
 *       "denied": ["sha256:…"],
 *       "logs": [{"key": "reg.example/log/com.example+…", "require": 1, "witnesses": ["w.example+…"]}],
 *       "retired": [{"key": "SHA256:…", "log": "reg.example/log/com.example", "from": 73894}]
 *     }
 *
 * A key is a line of an OpenSSH `.pub` file or SubjectPublicKeyInfo in PEM. Any list may be absent. Unknown fields
 * are refused, because one that is ignored could be one that restricts.
 */
export type TrustDocument = {
  readonly identities: readonly Identity[];
  readonly rules: readonly TrustRule[];
  /** Keys whose signatures no longer count, whoever has them. */
  readonly revoked?: readonly Fingerprint[];
  /** Images that must not run, whoever signed them. */
  readonly denied?: readonly Digest[];
  /** Logs that rules and retired keys name. */
  readonly logs?: readonly KnownLog[];
  /** Keys whose signatures count only if a log had them before. */
  readonly retired?: readonly RetiredKey[];
};

export const emptyTrustDocument: TrustDocument = { identities: [], rules: [] };

const format = 1;
const maxDocumentBytes = 1024 * 1024;
const maxIdentities = 4096;
const maxKeys = 32;
const maxRules = 4096;
const maxBans = 4096;
const maxLogs = 256;
const code = 'POLICY_INVALID';

/** @throws SignError POLICY_INVALID, KEY_INVALID, KEY_UNSUPPORTED, KEY_WEAK */
export function parseTrustDocument(bytes: Uint8Array): TrustDocument {
  return readDocument(bytes, { name: 'trust document', maxBytes: maxDocumentBytes, code }, (fields) => {
    if (fields.integer('format', 1) !== format) {
      throw new SignError(code, `trust document has the format ${quote(fields.value('format'))}`, {
        hint: `this version reads format ${format}; a newer one may be needed`,
      });
    }
    fields.onlyKeys(['format', ...trustDocumentKeys]);
    return trustDocumentFrom(fields);
  });
}

/** The fields of a trust document, which a trust root has beside its own. */
export const trustDocumentKeys = ['identities', 'rules', 'revoked', 'denied', 'logs', 'retired'] as const;

/** @throws SignError as {@link parseTrustDocument}; SpecError for a field of the wrong type */
export function trustDocumentFrom(fields: JsonFields): TrustDocument {
  const identities = (fields.optionalArray('identities', maxIdentities) ?? []).map(identityFrom);
  const rules = (fields.optionalArray('rules', maxRules) ?? []).map(ruleFrom);
  const revoked = (fields.optionalStrings('revoked', maxBans) ?? []).map(parseFingerprint);
  const denied = (fields.optionalStrings('denied', maxBans) ?? []).map(parseDigest);
  checkOnce(
    'identity',
    identities.map(({ id }) => id),
  );
  checkOnce(
    'rule for',
    rules.map(({ prefix }) => prefix),
  );
  checkOnce('revoked key', revoked);
  checkOnce('denied image', denied);
  const logs = (fields.optionalArray('logs', maxLogs) ?? []).map(logFrom);
  const retired = (fields.optionalArray('retired', maxBans) ?? []).map(retiredKeyFrom);
  checkOnce(
    'log',
    logs.map(({ key }) => key.name),
  );
  checkOnce(
    'retired key',
    retired.map(({ key }) => key),
  );
  return {
    identities,
    rules,
    ...(revoked.length > 0 && { revoked }),
    ...(denied.length > 0 && { denied }),
    ...(logs.length > 0 && { logs }),
    ...(retired.length > 0 && { retired }),
  };
}

/** The document as indented JSON with a newline at the end; equal documents give equal bytes. */
export function encodeTrustDocument(document: TrustDocument): Uint8Array {
  const json = { format, ...trustDocumentJson(document) };
  return new TextEncoder().encode(`${JSON.stringify(json, null, 2)}\n`);
}

/** What {@link trustDocumentFrom} reads. */
export function trustDocumentJson(document: TrustDocument): JsonObject {
  const { identities, rules, revoked, denied, logs, retired } = document;
  return {
    identities: identities.map(({ id, name, keys }) => {
      return { id, name, keys: keys.map((key) => key.toSshLine()) };
    }),
    rules: rules.map(({ prefix, require, of, refreshers, movers, builders, log }) => {
      return {
        prefix,
        require,
        of,
        ...(refreshers && { refreshers }),
        ...(movers && { movers }),
        ...(builders && { builders }),
        ...(log !== undefined && { log }),
      };
    }),
    ...(revoked && revoked.length > 0 && { revoked }),
    ...(denied && denied.length > 0 && { denied }),
    ...(logs && logs.length > 0 && { logs: logs.map(logJson) }),
    ...(retired && retired.length > 0 && { retired }),
  };
}

function identityFrom(value: JsonValue, index: number): Identity {
  const fields = new JsonFields(value, `trust document.identities[${index}]`, 'JSON_INVALID');
  fields.onlyKeys(['id', 'name', 'keys']);
  const texts = fields.optionalStrings('keys', maxKeys, Number.POSITIVE_INFINITY) ?? [];
  const keys = texts.map((text, at) => keyFrom(text, `${fields.path('keys')}[${at}]`));
  if (keys.length === 0) throw new SignError(code, `${fields.path('keys')} should list at least one key`);
  checkOnce(
    `${fields.path('keys')}: key`,
    keys.map(({ fingerprint }) => fingerprint),
  );
  return { id: parseIdentityId(fields.string('id')), name: parseIdentityName(fields.string('name')), keys };
}

/** Says which of the keys it is that can't be used. @throws SignError KEY_INVALID, KEY_UNSUPPORTED, KEY_WEAK */
export function keyFrom(text: string, path: string): PublicKey {
  try {
    return parsePublicKey(text);
  } catch (cause) {
    if (!(cause instanceof SignError)) throw cause;
    const { hint } = cause;
    throw new SignError(cause.code, `${path}: ${cause.message}`, { cause, ...(hint && { hint }) });
  }
}

function ruleFrom(value: JsonValue, index: number): TrustRule {
  const fields = new JsonFields(value, `trust document.rules[${index}]`, 'JSON_INVALID');
  fields.onlyKeys(['prefix', 'require', 'of', 'refreshers', 'movers', 'builders', 'log']);
  const refreshers = fields.optionalStrings('refreshers', maxIdentities) ?? [];
  const movers = fields.optionalStrings('movers', maxIdentities) ?? [];
  const builders = fields.optionalStrings('builders', maxIdentities) ?? [];
  const log = fields.optionalString('log');
  const ids = fields.optionalStrings('of', maxIdentities);
  if (ids === undefined) throw new SignError(code, `${fields.path('of')} should list identities`);
  return checkRule({
    prefix: parseNamePrefix(fields.string('prefix')),
    require: fields.integer('require', 1, maxIdentities),
    of: ids.map(parseIdentityId),
    ...(refreshers.length > 0 && { refreshers: refreshers.map(parseIdentityId) }),
    ...(movers.length > 0 && { movers: movers.map(parseIdentityId) }),
    ...(builders.length > 0 && { builders: builders.map(parseIdentityId) }),
    ...(log !== undefined && { log }),
  });
}

/** @throws SignError POLICY_INVALID */
export function checkOnce(what: string, values: readonly string[]): void {
  const twice = values.find((value, index) => values.indexOf(value) !== index);
  if (twice !== undefined) {
    throw new SignError(code, `trust document has the ${what} ${quote(twice)} twice`);
  }
}
