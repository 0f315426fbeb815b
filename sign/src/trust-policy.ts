import type { Digest } from '@img/spec/digest';
import { coversName, mostSpecificPrefix, type NamePrefix, parseNamePrefix } from '@img/spec/name-prefix';
import type { RepositoryName } from '@img/spec/repository-name';
import { type Identity, type IdentityId, isSameIdentity } from './identity.ts';
import { isSameLog, type KnownLog } from './log/known-log.ts';
import type { Fingerprint } from './public-key.ts';
import { SignError } from './sign-error.ts';
import type { TrustDocument } from './trust-document.ts';
import type { TrustRoot } from './trust-root.ts';
import { identitiesIn, isSameRule, type TrustRule } from './trust-rule.ts';
import type { UnixTime } from './unix-time.ts';

/** Everything that a host trusts: the sum of its documents, checked for contradictions. */
export type TrustPolicy = {
  readonly identities: ReadonlyMap<IdentityId, Identity>;
  readonly rules: ReadonlyMap<NamePrefix, TrustRule>;
  /** Where each rule stands, as messages name it. */
  readonly sources: ReadonlyMap<NamePrefix, string>;
  /** Whose each key is; no key has two owners, so that nobody counts twice. */
  readonly owners: ReadonlyMap<Fingerprint, Identity>;
  /** Keys that no longer count. */
  readonly revoked: ReadonlyMap<Fingerprint, readonly Ban[]>;
  /** Images that must not run. */
  readonly denied: ReadonlyMap<Digest, readonly Ban[]>;
  /** When rules end that stand in a trust root, which has to be replaced by then. */
  readonly ends: ReadonlyMap<NamePrefix, RuleEnd>;
  /** By their names. */
  readonly logs: ReadonlyMap<string, KnownLog>;
  /** Keys that count only for what a log had before. */
  readonly retired: ReadonlyMap<Fingerprint, readonly Retirement[]>;
};

/** Who forbids something, and for which names. */
export type Ban = { readonly source: string; readonly prefixes: readonly NamePrefix[] };

/** From which entry of a log on a key no longer counts, who says so, and for which names. */
export type Retirement = Ban & { readonly log: string; readonly from: number };

/** Where a rule stands, and the first second at which it no longer can be met. */
export type RuleEnd = { readonly source: string; readonly expires: UnixTime };

/** A document and how messages name it, usually the path of its file. */
export type SourcedTrustDocument = {
  readonly source: string;
  readonly document: TrustDocument;
  /** The trust root whose document it is: what it says holds for its prefixes only, and until it expires. */
  readonly root?: TrustRoot;
};

/**
 * Makes one policy of several documents. An identity or a rule may stand in several if it says the same; which
 * of two different ones counts would depend on an order that nobody sees, so that is an error naming both.
 *
 * @throws SignError POLICY_CONFLICT (two definitions differ, or two identities share a key), POLICY_INVALID (a
 *   rule names an identity or a log that no document defines)
 */
export function mergeTrustDocuments(documents: readonly SourcedTrustDocument[]): TrustPolicy {
  const identities = new Map<IdentityId, Sourced<Identity>>();
  const rules = new Map<NamePrefix, Sourced<TrustRule>>();
  const logs = new Map<string, Sourced<KnownLog>>();
  for (const { source, document } of documents) {
    for (const value of document.logs ?? []) {
      addOnce(logs, value.key.name, { source, value }, isSameLog, `log ${value.key.name}`);
    }
    for (const value of document.identities) {
      addOnce(identities, value.id, { source, value }, isSameIdentity, `identity ${value.id}`);
    }
    for (const value of document.rules) {
      addOnce(rules, value.prefix, { source, value }, isSameRule, `rule for ${value.prefix}`);
    }
  }
  for (const { source, value } of rules.values()) {
    checkIdentitiesKnown(value, source, identities);
    if (value.log !== undefined) checkLogKnown(value.log, `rule for ${value.prefix} in ${source}`, logs);
  }
  for (const { source, document } of documents) {
    for (const { key, log } of document.retired ?? []) {
      checkLogKnown(log, `retired key ${key} in ${source}`, logs);
    }
  }
  return {
    identities: values(identities),
    rules: values(rules),
    sources: new Map([...rules].map(([prefix, { source }]) => [prefix, source])),
    owners: ownersOf(identities),
    revoked: bansOf(documents, ({ revoked }) => revoked),
    denied: bansOf(documents, ({ denied }) => denied),
    ends: endsOf(documents),
    logs: values(logs),
    retired: retiredOf(documents),
  };
}

/** Who forbids it for a name; undefined if nobody does. */
export function findBan(bans: readonly Ban[] | undefined, repository: RepositoryName): Ban | undefined {
  return bans?.find(({ prefixes }) => prefixes.some((prefix) => coversName(prefix, repository)));
}

/** The one rule that decides about a name: that of the most specific prefix which covers it. */
export function findRule(policy: TrustPolicy, repository: RepositoryName): TrustRule | undefined {
  const prefix = mostSpecificPrefix(policy.rules.keys(), repository);
  return prefix === undefined ? undefined : policy.rules.get(prefix);
}

type Sourced<T> = { readonly source: string; readonly value: T };

function addOnce<K, T>(
  known: Map<K, Sourced<T>>,
  key: K,
  added: Sourced<T>,
  isSame: (a: T, b: T) => boolean,
  what: string,
): void {
  const before = known.get(key);
  if (before !== undefined && !isSame(before.value, added.value)) {
    throw new SignError('POLICY_CONFLICT', `${what} differs between ${before.source} and ${added.source}`, {
      hint: 'keep one of the two, or make them equal',
    });
  }
  if (before === undefined) known.set(key, added);
}

function checkIdentitiesKnown(
  rule: TrustRule,
  source: string,
  identities: ReadonlyMap<IdentityId, unknown>,
): void {
  const unknown = identitiesIn(rule).find((id) => !identities.has(id));
  if (unknown === undefined) return;
  throw new SignError(
    'POLICY_INVALID',
    `rule for ${rule.prefix} in ${source} names the unknown identity ${unknown}`,
    {
      hint: 'define the identity in one of the trust documents, or take it out of the rule',
    },
  );
}

function checkLogKnown(name: string, what: string, logs: ReadonlyMap<string, unknown>): void {
  if (logs.has(name)) return;
  throw new SignError('POLICY_INVALID', `${what} names the unknown log ${name}`, {
    hint: 'say in one of the trust documents which key the log has: img trust log',
  });
}

function ownersOf(identities: ReadonlyMap<IdentityId, Sourced<Identity>>): Map<Fingerprint, Identity> {
  const owners = new Map<Fingerprint, Identity>();
  for (const { source, value: identity } of identities.values()) {
    for (const { fingerprint } of identity.keys) {
      const other = owners.get(fingerprint);
      if (other !== undefined) {
        const otherSource = identities.get(other.id)?.source;
        throw new SignError(
          'POLICY_CONFLICT',
          `identities ${other.id} in ${otherSource} and ${identity.id} in ${source} have the same key ${fingerprint}`,
          { hint: 'a key belongs to one identity, so that nobody counts twice: remove it from the other' },
        );
      }
      owners.set(fingerprint, identity);
    }
  }
  return owners;
}

const everywhere: readonly NamePrefix[] = [parseNamePrefix('*')];

function bansOf<T>(
  documents: readonly SourcedTrustDocument[],
  banned: (document: TrustDocument) => readonly T[] | undefined,
): Map<T, readonly Ban[]> {
  const bans = new Map<T, readonly Ban[]>();
  for (const { source, document, root } of documents) {
    const ban = { source, prefixes: root?.prefixes ?? everywhere };
    for (const key of banned(document) ?? []) bans.set(key, [...(bans.get(key) ?? []), ban]);
  }
  return bans;
}

function retiredOf(documents: readonly SourcedTrustDocument[]): Map<Fingerprint, readonly Retirement[]> {
  const found = new Map<Fingerprint, readonly Retirement[]>();
  for (const { source, document, root } of documents) {
    for (const { key, log, from } of document.retired ?? []) {
      const retirement = { source, prefixes: root?.prefixes ?? everywhere, log, from };
      found.set(key, [...(found.get(key) ?? []), retirement]);
    }
  }
  return found;
}

// Of a rule that stands in several documents the one that ends last counts; other documents never end.
function endsOf(documents: readonly SourcedTrustDocument[]): Map<NamePrefix, RuleEnd> {
  const ends = new Map<NamePrefix, RuleEnd>();
  for (const { source, document, root } of documents) {
    for (const { prefix } of root === undefined ? [] : document.rules) {
      const before = ends.get(prefix);
      if (root !== undefined && (before === undefined || before.expires < root.expires)) {
        ends.set(prefix, { source, expires: root.expires });
      }
    }
  }
  for (const { document, root } of documents) {
    for (const { prefix } of root === undefined ? document.rules : []) ends.delete(prefix);
  }
  return ends;
}

function values<K, T>(map: ReadonlyMap<K, Sourced<T>>): Map<K, T> {
  return new Map([...map].map(([key, { value }]) => [key, value]));
}
