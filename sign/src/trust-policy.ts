import { mostSpecificPrefix, type NamePrefix } from '@img/spec/name-prefix';
import type { RepositoryName } from '@img/spec/repository-name';
import { type Identity, type IdentityId, isSameIdentity } from './identity.ts';
import type { Fingerprint } from './public-key.ts';
import { SignError } from './sign-error.ts';
import type { TrustDocument } from './trust-document.ts';
import { isSameRule, type TrustRule } from './trust-rule.ts';

/** Everything that a host trusts: the sum of its documents, checked for contradictions. */
export type TrustPolicy = {
  readonly identities: ReadonlyMap<IdentityId, Identity>;
  readonly rules: ReadonlyMap<NamePrefix, TrustRule>;
  /** Whose each key is; no key has two owners, so that nobody counts twice. */
  readonly owners: ReadonlyMap<Fingerprint, Identity>;
};

/** A document and how messages name it, usually the path of its file. */
export type SourcedTrustDocument = { readonly source: string; readonly document: TrustDocument };

/**
 * Makes one policy of several documents. An identity or a rule may stand in several if it says the same; which
 * of two different ones counts would depend on an order that nobody sees, so that is an error naming both.
 *
 * @throws SignError POLICY_CONFLICT (two definitions differ, or two identities share a key), POLICY_INVALID (a
 *   rule names an identity that no document defines)
 */
export function mergeTrustDocuments(documents: readonly SourcedTrustDocument[]): TrustPolicy {
  const identities = new Map<IdentityId, Sourced<Identity>>();
  const rules = new Map<NamePrefix, Sourced<TrustRule>>();
  for (const { source, document } of documents) {
    for (const value of document.identities) {
      addOnce(identities, value.id, { source, value }, isSameIdentity, `identity ${value.id}`);
    }
    for (const value of document.rules) {
      addOnce(rules, value.prefix, { source, value }, isSameRule, `rule for ${value.prefix}`);
    }
  }
  for (const { source, value } of rules.values()) checkIdentitiesKnown(value, source, identities);
  return { identities: values(identities), rules: values(rules), owners: ownersOf(identities) };
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
  const unknown = rule.of.find((id) => !identities.has(id));
  if (unknown === undefined) return;
  throw new SignError(
    'POLICY_INVALID',
    `rule for ${rule.prefix} in ${source} names the unknown identity ${unknown}`,
    {
      hint: 'define the identity in one of the trust documents, or take it out of the rule',
    },
  );
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

function values<K, T>(map: ReadonlyMap<K, Sourced<T>>): Map<K, T> {
  return new Map([...map].map(([key, { value }]) => [key, value]));
}
