import type { NamePrefix } from '@img/spec/name-prefix';
import type { IdentityId } from './identity.ts';
import { SignError } from './sign-error.ts';

/** Who must have signed the images whose names a prefix covers. */
export type TrustRule = {
  readonly prefix: NamePrefix;
  /** How many different identities must have signed; at least 1. */
  readonly require: number;
  /** Who counts. An empty list closes the prefix: nobody can sign for it. */
  readonly of: readonly IdentityId[];
};

/**
 * Checks that a rule can be met, or is closed on purpose.
 *
 * @throws SignError POLICY_INVALID
 */
export function checkRule(rule: TrustRule): TrustRule {
  const { prefix, require, of } = rule;
  if (new Set(of).size !== of.length) {
    throw new SignError('POLICY_INVALID', `rule for ${prefix} lists an identity twice`);
  }
  if (!Number.isSafeInteger(require) || require < 1 || (of.length > 0 && require > of.length)) {
    throw new SignError(
      'POLICY_INVALID',
      `rule for ${prefix} requires ${require} of ${of.length} identities`,
      { hint: 'require at least one and at most as many identities as the rule lists' },
    );
  }
  return rule;
}

export function isSameRule(a: TrustRule, b: TrustRule): boolean {
  const ids = new Set(a.of);
  return (
    a.prefix === b.prefix &&
    a.require === b.require &&
    ids.size === b.of.length &&
    b.of.every((id) => ids.has(id))
  );
}

/** For example `2 of alice, bob, ci for com.example.*`. */
export function describeRule({ prefix, require, of }: TrustRule): string {
  const names = of.length === 0 ? 'nobody' : of.join(', ');
  return `${require} of ${names} for ${displayPrefix(prefix)}`;
}

/** The prefix with a star where it ends in a separator, so that people see that it goes on. */
export function displayPrefix(prefix: NamePrefix): string {
  return /[./]$/.test(prefix) ? `${prefix}*` : prefix;
}
