import { quote } from '@img/spec/quote';
import type { PublicKey } from './public-key.ts';
import { SignError } from './sign-error.ts';

declare const identityIdBrand: unique symbol;

/** What rules call an identity, such as `alice` or `ci@example.com`. */
export type IdentityId = string & { readonly [identityIdBrand]: true };

/** A person, team or machine. Thresholds count these, never keys: all keys of one identity count once. */
export type Identity = {
  readonly id: IdentityId;
  /** Shown to people as "Signed By"; what a signature says about its maker never is. */
  readonly name: string;
  /** At least one. */
  readonly keys: readonly PublicKey[];
};

/** @throws SignError POLICY_INVALID */
export function parseIdentityId(text: string): IdentityId {
  if (!/^[a-z0-9][a-z0-9._@+-]{0,63}$/.test(text)) {
    throw new SignError(
      'POLICY_INVALID',
      `identity ${quote(text)} should be 1 to 64 lower-case letters, digits, ".", "_", "@", "+" or "-"`,
    );
  }
  return text as IdentityId;
}

/**
 * Checks a name that terminals will show: no control characters, no invisible marks, no line breaks.
 *
 * @throws SignError POLICY_INVALID
 */
export function parseIdentityName(text: string): string {
  if (!/^[^\p{C}\p{Zl}\p{Zp}]{1,80}$/u.test(text) || text.trim() !== text) {
    throw new SignError('POLICY_INVALID', `name ${quote(text)} should be 1 to 80 visible characters`);
  }
  return text;
}

export function isSameIdentity(a: Identity, b: Identity): boolean {
  const keys = new Set(a.keys.map((key) => key.fingerprint));
  return (
    a.id === b.id &&
    a.name === b.name &&
    keys.size === b.keys.length &&
    b.keys.every((key) => keys.has(key.fingerprint))
  );
}
