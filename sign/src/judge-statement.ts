import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';
import type { FindingCode } from './decision.ts';
import type { Identity } from './identity.ts';
import type { Statement } from './statement.ts';
import { displayPrefix, type TrustRule } from './trust-rule.ts';
import { formatUnixTime, type UnixTime } from './unix-time.ts';

/** Which image is asked about, and when. */
export type Question = {
  readonly repository: RepositoryName;
  /** Undefined when asked by digest: then a statement about any tag, or none, will do. */
  readonly tag: Tag | undefined;
  /** Of the manifest that the tag was resolved to, or that was asked for. */
  readonly digest: Digest;
  readonly now: UnixTime;
};

/** Clocks of signers may be this far ahead of the host's. */
const clockSkewSeconds = 300;

/**
 * Whether a statement by an identity counts, and why not. What a statement leaves out it doesn't prove, which
 * decides what signatures made by cosign are worth: its simple signatures name a repository and no tag, its
 * bundles name neither, so both count for an image asked by digest only. Asked that way the asker has chosen the
 * bytes, and the signature says who stands behind them; a repository that is named must still be the right one.
 */
export function judgeStatement(
  statement: Statement,
  identity: Identity,
  rule: TrustRule | undefined,
  question: Question,
): { readonly code: FindingCode; readonly message: string } {
  const { repository, tag, digest, issued, expires } = statement;
  const { name } = identity;
  if (rule === undefined)
    return { code: 'NOT_IN_RULE', message: `${name} signed it, but no rule asks for that` };
  const isRefresher = rule.refreshers?.includes(identity.id) === true;
  if (!rule.of.includes(identity.id) && !isRefresher) {
    return { code: 'NOT_IN_RULE', message: `${name} is not in the rule for ${displayPrefix(rule.prefix)}` };
  }
  if (repository !== undefined && repository !== question.repository) {
    return {
      code: 'OTHER_REPOSITORY',
      message: `${name} signed it as ${repository}, not ${question.repository}`,
    };
  }
  if (digest !== question.digest) {
    return { code: 'OTHER_DIGEST', message: `${name} signed another image, ${digest}` };
  }
  if (question.tag !== undefined && tag === undefined) {
    return { code: 'NO_TAG', message: `${name} signed it without naming a tag` };
  }
  if (question.tag !== undefined && tag !== question.tag) {
    return { code: 'OTHER_TAG', message: `${name} signed it as tag ${tag}, not ${question.tag}` };
  }
  if (issued !== undefined && issued > question.now + clockSkewSeconds) {
    return {
      code: 'NOT_YET_VALID',
      message: `${name}'s signature is dated ${formatUnixTime(issued)}, and here it is ${formatUnixTime(question.now)}`,
    };
  }
  if (expires !== undefined && expires <= question.now) {
    return { code: 'EXPIRED', message: `${name}'s signature expired at ${formatUnixTime(expires)}` };
  }
  if (!isRefresher) return { code: 'COUNTED', message: `${name} signed it` };
  if (expires === undefined)
    return { code: 'NO_END', message: `${name} may only extend it, and gives no end` };
  return { code: 'REFRESHES', message: `${name} extends it until ${formatUnixTime(expires)}` };
}
