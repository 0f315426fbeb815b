import type { Digest } from '@img/spec/digest';
import type { NamePrefix } from '@img/spec/name-prefix';
import { type Identity, type IdentityId, isSameIdentity } from './identity.ts';
import type { Fingerprint } from './public-key.ts';
import { SignError } from './sign-error.ts';
import type { TrustDocument } from './trust-document.ts';
import { checkRule, identitiesIn, type TrustRule } from './trust-rule.ts';

/** What a rule lets an identity do. */
export type TrustRole = 'signer' | 'refresher' | 'mover' | 'builder';

export type TrustOptions = {
  /** signer if absent. */
  readonly role?: TrustRole;
  /** The new threshold of the rule; without it a rule keeps its own, and a new rule requires 1. */
  readonly require?: number;
};

/**
 * Lets an identity sign for a prefix: adds it to the document and to the rule of that prefix, where they are
 * not there yet.
 *
 * @throws SignError POLICY_CONFLICT if the document knows another identity by this id or one of these keys,
 *   POLICY_INVALID if the threshold can't be met
 */
export function trustIdentity(
  document: TrustDocument,
  identity: Identity,
  prefix: NamePrefix,
  { require, role = 'signer' }: TrustOptions = {},
): TrustDocument {
  const known = document.identities.find((other) => other.id === identity.id || sharesKey(other, identity));
  if (known !== undefined && !isSameIdentity(known, identity)) throw conflict(known, identity);
  const rule = document.rules.find((other) => other.prefix === prefix) ?? newRule(prefix);
  const listed = rolesIn(rule)[role];
  const ids = listed.includes(identity.id) ? listed : [...listed, identity.id];
  const changed = withRole({ ...rule, require: require ?? rule.require }, role, ids);
  return {
    ...document,
    identities: known === undefined ? [...document.identities, identity] : document.identities,
    rules: withRule(document.rules, changed),
  };
}

/**
 * Takes an identity out of the rule of a prefix. A rule that loses its last identity stays and closes the
 * prefix: without it a broader rule would decide, and removing trust would add some.
 *
 * @throws SignError POLICY_INVALID if there is nothing to take out, or if too few identities are left for the
 *   threshold and no new one is given
 */
export function distrustIdentity(
  document: TrustDocument,
  id: IdentityId,
  prefix: NamePrefix,
  { require }: TrustOptions = {},
): TrustDocument {
  const rule = document.rules.find((other) => other.prefix === prefix);
  if (rule === undefined || !identitiesIn(rule).includes(id)) {
    throw new SignError('POLICY_INVALID', `${id} is not in a rule for ${prefix}`);
  }
  const of = without(rule.of, id);
  const builders = without(rule.builders ?? [], id);
  if (builders.length === 0 && rule.builders !== undefined) {
    // Without its last builder the rule would no longer ask how images were built.
    throw new SignError('POLICY_INVALID', `${id} is the only builder in the rule for ${prefix}`, {
      hint: 'add another builder first, or remove the whole rule',
    });
  }
  const left = { ...rule, require: of.length === 0 ? 1 : (require ?? rule.require), of };
  const { refresher, mover } = rolesIn(rule);
  const changed = (
    [
      ['refresher', without(refresher, id)],
      ['mover', without(mover, id)],
      ['builder', builders],
    ] as const
  ).reduce((edited, [role, ids]) => withRole(edited, role, ids), left);
  if (of.length > 0 && changed.require > of.length) {
    throw new SignError(
      'POLICY_INVALID',
      `without ${id} the rule for ${prefix} has ${of.length} of the ${changed.require} identities that it requires`,
      { hint: 'add another identity first, or give a lower threshold' },
    );
  }
  return { ...document, rules: withRule(document.rules, changed) };
}

/**
 * Removes an identity and its keys from the document and from every rule in it.
 *
 * @throws SignError POLICY_INVALID if the document doesn't have it, or a rule is left with too few identities
 */
export function forgetIdentity(
  document: TrustDocument,
  id: IdentityId,
  options: TrustOptions = {},
): TrustDocument {
  const identities = document.identities.filter((identity) => identity.id !== id);
  if (identities.length === document.identities.length) {
    throw new SignError('POLICY_INVALID', `there is no identity ${id}`);
  }
  const prefixes = document.rules
    .filter((rule) => identitiesIn(rule).includes(id))
    .map(({ prefix }) => prefix);
  const { rules } = prefixes.reduce(
    (edited, prefix) => distrustIdentity(edited, id, prefix, options),
    document,
  );
  return { ...document, identities, rules };
}

/**
 * Removes the rule of a prefix; a broader one decides from then on, or none.
 *
 * @throws SignError POLICY_INVALID if there is none
 */
export function removeRule(document: TrustDocument, prefix: NamePrefix): TrustDocument {
  const rules = document.rules.filter((rule) => rule.prefix !== prefix);
  if (rules.length === document.rules.length) {
    throw new SignError('POLICY_INVALID', `there is no rule for ${prefix}`);
  }
  return { ...document, rules };
}

/**
 * Lets no signature by a key count any more. Whoever has the key may have others that go on counting.
 *
 * @throws SignError POLICY_INVALID if it is revoked already
 */
export function revokeKey(document: TrustDocument, key: Fingerprint): TrustDocument {
  const { revoked = [] } = document;
  if (revoked.includes(key)) throw new SignError('POLICY_INVALID', `key ${key} is revoked already`);
  return { ...document, revoked: [...revoked, key] };
}

/**
 * Lets an image never run, whoever signs it.
 *
 * @throws SignError POLICY_INVALID if it is denied already
 */
export function denyImage(document: TrustDocument, digest: Digest): TrustDocument {
  const { denied = [] } = document;
  if (denied.includes(digest)) throw new SignError('POLICY_INVALID', `image ${digest} is denied already`);
  return { ...document, denied: [...denied, digest] };
}

/**
 * Takes back that a key is revoked or retired, or an image denied.
 *
 * @throws SignError POLICY_INVALID if it is not
 */
export function readmit(document: TrustDocument, banned: Fingerprint | Digest): TrustDocument {
  const { revoked = [], denied = [], retired = [] } = document;
  const left = {
    revoked: revoked.filter((key) => key !== banned),
    denied: denied.filter((digest) => digest !== banned),
    retired: retired.filter(({ key }) => key !== banned),
  };
  const count = left.revoked.length + left.denied.length + left.retired.length;
  if (count === revoked.length + denied.length + retired.length) {
    throw new SignError('POLICY_INVALID', `${banned} is neither revoked nor denied`);
  }
  return { ...document, ...left };
}

function withRule(rules: readonly TrustRule[], rule: TrustRule): readonly TrustRule[] {
  checkRule(rule);
  const index = rules.findIndex(({ prefix }) => prefix === rule.prefix);
  return index < 0 ? [...rules, rule] : rules.with(index, rule);
}

function newRule(prefix: NamePrefix): TrustRule {
  return { prefix, require: 1, of: [] };
}

function rolesIn(rule: TrustRule): { readonly [role in TrustRole]: readonly IdentityId[] } {
  const { of, refreshers = [], movers = [], builders = [] } = rule;
  return { signer: of, refresher: refreshers, mover: movers, builder: builders };
}

/** A list that nobody is in is left out. */
function withRole(rule: TrustRule, role: TrustRole, ids: readonly IdentityId[]): TrustRule {
  const lists: { readonly [each in TrustRole]: readonly IdentityId[] } = { ...rolesIn(rule), [role]: ids };
  const { signer, refresher, mover, builder } = lists;
  return {
    prefix: rule.prefix,
    require: rule.require,
    of: signer,
    ...(refresher.length > 0 && { refreshers: refresher }),
    ...(mover.length > 0 && { movers: mover }),
    ...(builder.length > 0 && { builders: builder }),
    ...(rule.log !== undefined && { log: rule.log }),
  };
}

function without(ids: readonly IdentityId[], id: IdentityId): readonly IdentityId[] {
  return ids.filter((other) => other !== id);
}

function sharesKey(a: Identity, b: Identity): boolean {
  return a.keys.some((key) => b.keys.some((other) => other.fingerprint === key.fingerprint));
}

function conflict(known: Identity, added: Identity): SignError {
  const what = known.id === added.id ? 'with another name or other keys' : `with a key of ${added.id}`;
  return new SignError('POLICY_CONFLICT', `there is already an identity ${known.id} ${what}`, {
    hint: known.id === added.id ? 'choose another id' : `use the id ${known.id}`,
  });
}
