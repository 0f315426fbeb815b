import type { Tag } from '@img/spec/tag';
import type { Finding } from './decision.ts';
import type { TrustRule } from './trust-rule.ts';

/*
 * Where a rule has tag movers, two things are asked of different people: those who sign say that an image is one of
 * theirs, and one of the movers says that the tag means it.
 */

/** Who must have stated the tag, as a rule of its own; undefined where those who sign state it themselves. */
export function tagRuleOf(rule: TrustRule | undefined, tag: Tag | undefined): TrustRule | undefined {
  if (rule?.movers === undefined || rule.movers.length === 0 || tag === undefined) return undefined;
  const { prefix, movers, refreshers, log } = rule;
  return {
    prefix,
    require: 1,
    of: movers,
    ...(refreshers && { refreshers }),
    ...(log !== undefined && { log }),
  };
}

/** What was found of those who sign and then of the movers; what somebody signed in both parts stands in both. */
export function joinFindings(
  signed: readonly Finding[],
  moved: readonly Finding[],
  { rule, tagRule }: { readonly rule: TrustRule; readonly tagRule: TrustRule },
): readonly Finding[] {
  const isOnlyMover = ({ identity }: Finding) =>
    identity !== undefined && tagRule.of.includes(identity.id) && !rule.of.includes(identity.id);
  const byMovers = moved.filter(({ identity }) => identity !== undefined && tagRule.of.includes(identity.id));
  return [...signed.filter((finding) => !isOnlyMover(finding)), ...byMovers.map(asMove)];
}

/** A clause for people, with what the movers have signed instead. */
export function noMoverReason(tagRule: TrustRule, tag: Tag | undefined, moved: readonly Finding[]): string {
  const byMovers = moved.filter(({ identity }) => identity !== undefined && tagRule.of.includes(identity.id));
  const instead = [...new Set(byMovers.map(({ message }) => `; ${message}`))].join('');
  return `nobody of ${tagRule.of.join(', ')} has said that tag ${tag} means it${instead}`;
}

function asMove(finding: Finding): Finding {
  if (finding.code !== 'COUNTED') return finding;
  return { ...finding, code: 'MOVES_TAG', message: `${finding.identity?.name} says that the tag means it` };
}
