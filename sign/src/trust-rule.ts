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
  /** Who may extend the end of what those people have signed, and do nothing else. */
  readonly refreshers?: readonly IdentityId[];
  /**
   * If there are any, one of them must have said what the tag means, and those who sign need not name it: they say whose
   * the image is.
   */
  readonly movers?: readonly IdentityId[];
  /** If there are any, one of them must have attested how the image was built. */
  readonly builders?: readonly IdentityId[];
  /** The name of the log in which everything must be that counts; undefined if nothing has to be logged. */
  readonly log?: string;
};

/**
 * Checks that a rule can be met, or is closed on purpose.
 *
 * @throws SignError POLICY_INVALID
 */
export function checkRule(rule: TrustRule): TrustRule {
  const { prefix, require, of, refreshers = [], movers = [], builders = [] } = rule;
  if ([of, refreshers, movers, builders].some((ids) => new Set(ids).size !== ids.length)) {
    throw new SignError('POLICY_INVALID', `rule for ${prefix} lists an identity twice`);
  }
  const both = refreshers.find((id) => of.includes(id) || movers.includes(id));
  if (both !== undefined) {
    throw new SignError('POLICY_INVALID', `rule for ${prefix} lets ${both} sign and refresh`, {
      hint: 'who may sign can sign again; a refresher is somebody who may not',
    });
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
  return (
    a.prefix === b.prefix &&
    a.require === b.require &&
    isSameSet(a.of, b.of) &&
    isSameSet(a.refreshers ?? [], b.refreshers ?? []) &&
    isSameSet(a.movers ?? [], b.movers ?? []) &&
    isSameSet(a.builders ?? [], b.builders ?? []) &&
    a.log === b.log
  );
}

/** Everybody whom a rule gives a part. */
export function identitiesIn(rule: TrustRule): readonly IdentityId[] {
  const { of, refreshers = [], movers = [], builders = [] } = rule;
  return [...of, ...refreshers, ...movers, ...builders];
}

function isSameSet(a: readonly IdentityId[], b: readonly IdentityId[]): boolean {
  const ids = new Set(a);
  return ids.size === b.length && b.every((id) => ids.has(id));
}

/** For example `2 of alice, bob, ci for com.example.*`. */
export function describeRule(rule: TrustRule): string {
  const { people, besides } = ruleParts(rule);
  return `${rule.require} of ${people} for ${displayPrefix(rule.prefix)}${besides}`;
}

/** Who may sign, and what else a rule says, which follows with a comma where there is something. */
export function ruleParts(rule: TrustRule): { readonly people: string; readonly besides: string } {
  const { of, refreshers = [], movers = [], builders = [], log } = rule;
  const people = of.length === 0 ? 'nobody' : of.join(', ');
  const refreshed = refreshers.length === 0 ? '' : `, refreshed by ${refreshers.join(', ')}`;
  const moved = movers.length === 0 ? '' : `, tags moved by ${movers.join(' or ')}`;
  const built = builders.length === 0 ? '' : `, built by ${builders.join(' or ')}`;
  const logged = log === undefined ? '' : `, logged in ${log}`;
  return { people, besides: `${built}${moved}${refreshed}${logged}` };
}

/** The prefix with a star where it ends in a separator, so that people see that it goes on. */
export function displayPrefix(prefix: NamePrefix): string {
  return /[./]$/.test(prefix) ? `${prefix}*` : prefix;
}
