import type { JsonObject } from '@img/spec/json';
import { coversName, type NamePrefix, parseNamePrefix } from '@img/spec/name-prefix';
import { quote } from '@img/spec/quote';
import { parseRepositoryName, type RepositoryName } from '@img/spec/repository-name';
import { readDocument } from './document.ts';
import type { PublicKey } from './public-key.ts';
import { SignError } from './sign-error.ts';
import {
  checkOnce,
  keyFrom,
  type TrustDocument,
  trustDocumentFrom,
  trustDocumentJson,
  trustDocumentKeys,
} from './trust-document.ts';
import { formatUnixTime, parseUnixTime, type UnixTime } from './unix-time.ts';

/*
 * The trust that one publisher gives to many hosts: a trust document that several people sign together, and that
 * replaces itself. Hosts pin it once; from then on each version says who signs the next one (TUF 5.3).
 *
 *     {
 *       "format": 1,
 *       "name": "com.example",
 *       "version": 3,
 *       "expires": "2027-11-22T00:00:00Z",
 *       "root": {"require": 2, "keys": ["ssh-ed25519 AAAA…", …]},
 *       "prefixes": ["com.example."],
 *       "identities": […], "rules": […], "revoked": […], "denied": […]
 *     }
 */

export type TrustRoot = {
  /** What hosts know it by, such as `com.example`. */
  readonly name: RepositoryName;
  /** From 1; a host never goes back to a lower one. */
  readonly version: number;
  /** From then on its rules are met by nobody, so that nobody can hold a host at an old version for ever. */
  readonly expires: UnixTime;
  readonly keys: readonly PublicKey[];
  /** How many of the keys must sign a version. */
  readonly require: number;
  /** Where its rules, revocations and denials count; nowhere else. */
  readonly prefixes: readonly NamePrefix[];
  readonly document: TrustDocument;
};

const format = 1;
const maxBytes = 1024 * 1024;
const maxKeys = 64;
const maxPrefixes = 64;
const maxVersion = 1_000_000_000;
const code = 'ROOT_INVALID';

/**
 * Reads the payload of a signed trust root.
 *
 * @throws SignError ROOT_INVALID, and what {@link trustDocumentFrom} throws
 */
export function parseTrustRoot(payload: Uint8Array): TrustRoot {
  return readDocument(payload, { name: 'trust root', maxBytes, code }, (fields) => {
    if (fields.integer('format', 1) !== format) {
      throw new SignError(code, `trust root has the format ${quote(fields.value('format'))}`, {
        hint: `this version reads format ${format}; a newer one may be needed`,
      });
    }
    fields.onlyKeys(['format', 'name', 'version', 'expires', 'root', 'prefixes', ...trustDocumentKeys]);
    const root = fields.object('root');
    root.onlyKeys(['require', 'keys']);
    const keys = (root.optionalStrings('keys', maxKeys, Number.POSITIVE_INFINITY) ?? []).map((text, at) =>
      keyFrom(text, `${root.path('keys')}[${at}]`),
    );
    return checkTrustRoot({
      name: parseRepositoryName(fields.string('name')),
      version: fields.integer('version', 1, maxVersion),
      expires: parseUnixTime(fields.string('expires')),
      keys,
      require: root.integer('require', 1, maxKeys),
      prefixes: (fields.optionalStrings('prefixes', maxPrefixes) ?? []).map(parseNamePrefix),
      document: trustDocumentFrom(fields),
    });
  });
}

/** The payload to sign, as indented JSON with a newline at the end. */
export function encodeTrustRoot(root: TrustRoot): Uint8Array {
  const { name, version, expires, keys, require, prefixes, document } = root;
  const json: JsonObject = {
    format,
    name,
    version,
    expires: formatUnixTime(expires),
    root: { require, keys: keys.map((key) => key.toSshLine()) },
    prefixes,
    ...trustDocumentJson(document),
  };
  return new TextEncoder().encode(`${JSON.stringify(json, null, 2)}\n`);
}

/**
 * Checks the parts of a trust root against each other: it can be signed, and speaks of nothing but its own prefixes.
 *
 * @throws SignError ROOT_INVALID
 */
export function checkTrustRoot(root: TrustRoot): TrustRoot {
  const { keys, require, prefixes, document } = root;
  checkOnce(
    'root key',
    keys.map(({ fingerprint }) => fingerprint),
  );
  if (require < 1 || require > keys.length) {
    throw new SignError(code, `trust root requires ${require} of ${keys.length} root keys`, {
      hint: 'require at least one and at most as many keys as there are; 2 of 3 lets you lose one',
    });
  }
  if (prefixes.length === 0) throw new SignError(code, 'trust root covers no prefix');
  const outside = document.rules.find((rule) => !isWithin(rule.prefix, prefixes));
  if (outside === undefined) return root;
  throw new SignError(
    code,
    `trust root has a rule for ${outside.prefix}, but speaks for ${prefixes.join(', ')} only`,
  );
}

/** Whether every name that a prefix covers is covered by one of the others. */
export function isWithin(prefix: NamePrefix, others: readonly NamePrefix[]): boolean {
  // Without its last separator a prefix is a name, and below that name are the names that it covers.
  const name = prefix.replace(/[./]$/, '') as RepositoryName;
  return others.some((other) => other === prefix || (prefix !== '*' && coversName(other, name)));
}
