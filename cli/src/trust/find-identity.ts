import { type Identity, parseIdentityId } from '@img/sign/identity';
import type { TrustPolicy } from '@img/sign/trust-policy';
import { nearest } from '@img/spec/nearest';
import { quote } from '@img/spec/quote';
import { parseArgument } from '../argument.ts';
import { CliError } from '../cli-error.ts';

/** Whom somebody means by an id, or by the name that "Signed By" shows where only one has it. */
export function identityCalled(identities: Iterable<Identity>, text: string): Identity | undefined {
  const all = [...identities];
  const named = all.filter(({ name }) => name === text);
  return all.find(({ id }) => id === text) ?? (named.length === 1 ? named[0] : undefined);
}

/** @throws CliError IDENTITY_UNKNOWN, USAGE */
export function findIdentity({ identities, rules }: TrustPolicy, text: string): Identity {
  const identity = identityCalled(identities.values(), text);
  if (identity !== undefined) return identity;
  const id = parseArgument(parseIdentityId, text);
  const isRule = [...rules.keys()].some((prefix) => prefix === text);
  const similar = nearest(id, identities.keys());
  const known = similar === undefined ? 'img trust list shows them' : `did you mean ${similar}?`;
  throw new CliError('IDENTITY_UNKNOWN', `there is no identity ${quote(text)} among those trusted here`, {
    hint: isRule
      ? `that is a prefix: img trust list shows its rule, img trust remove --prefix ${text} removes it`
      : known,
  });
}

/** An identity for programs. */
export function identityDocument({ id, name, keys }: Identity) {
  return { id, name, keys: keys.map((key) => ({ fingerprint: key.fingerprint, ssh: key.toSshLine() })) };
}
