import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';
import { checkEvidence } from './check-evidence.ts';
import type { Evidence } from './evidence.ts';
import type { IdentityId } from './identity.ts';
import { judgeProof } from './judge-proof.ts';
import { tagRuleOf } from './tag-movers.ts';
import { findBan, findRule, type TrustPolicy } from './trust-policy.ts';

export type RefreshQuestion = {
  readonly repository: RepositoryName;
  readonly tag: Tag;
  readonly digest: Digest;
  readonly evidence: Evidence;
  readonly policy: TrustPolicy;
};

/**
 * The number of the statements that may be extended: the one that as many identities as the rule requires have given
 * the tag and digest, whether their statements have expired or not, and that is in the logs where it has to be.
 * Undefined if there are too few.
 */
export function refreshableSequence(question: RefreshQuestion): number | undefined {
  const { repository, tag, digest, evidence, policy } = question;
  const found = findRule(policy, repository);
  // Where tags are moved by others than those who sign, theirs are the statements about them.
  const rule = tagRuleOf(found, tag) ?? found;
  if (rule === undefined) return undefined;
  const keys = rule.of
    .flatMap((id) => policy.identities.get(id)?.keys ?? [])
    .filter(({ fingerprint }) => findBan(policy.revoked.get(fingerprint), repository) === undefined);
  const highest = new Map<IdentityId | undefined, number>();
  for (const checked of checkEvidence(evidence, { known: keys, tried: keys })) {
    const { key, statement } = checked;
    if (key === undefined || statement?.sequence === undefined) continue;
    const judged = judgeProof({ code: 'COUNTED', message: '' }, checked, {
      evidence,
      policy,
      rule,
      question,
    });
    if (judged.code !== 'COUNTED') continue;
    const isAsked =
      statement.repository === repository && statement.tag === tag && statement.digest === digest;
    const id = policy.owners.get(key.fingerprint)?.id;
    if (isAsked) highest.set(id, Math.max(highest.get(id) ?? 0, statement.sequence));
  }
  return [...highest.values()].toSorted((a, b) => b - a)[rule.require - 1];
}
