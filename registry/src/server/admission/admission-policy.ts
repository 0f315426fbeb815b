import { parseTrustFile } from '@img/sign/trust-file';
import { findBan, findRule, mergeTrustDocuments, type TrustPolicy } from '@img/sign/trust-policy';
import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import { possibleOwners } from '../../accounts/account-names.ts';
import { findLongestRule } from '../../metadata/admission/rules.ts';
import type { Reader } from '../../metadata/database.ts';

/** What decides about the tags of a repository. */
export type AdmissionPolicy = {
  /** Where the rule stands: at an organisation, at the repository, or at any name above it. */
  readonly name: RepositoryName;
  /** Of the document that the rule is. */
  readonly digest: Digest;
  readonly policy: TrustPolicy;
};

/** The policy for a repository: that of the rule with the longest name that covers it. */
export async function findAdmissionPolicy(
  reader: Reader,
  repository: RepositoryName,
): Promise<AdmissionPolicy | undefined> {
  const rule = await findLongestRule(reader, possibleOwners(repository));
  if (rule === undefined) return undefined;
  return { name: rule.name, digest: rule.digest, policy: parseRuleDocument(rule.name, rule.document) };
}

/**
 * Reads the document of a rule: a trust document or a signed trust root, as hosts have them.
 *
 * @throws SignError POLICY_INVALID, POLICY_CONFLICT, ROOT_INVALID, KEY_INVALID, KEY_UNSUPPORTED, KEY_WEAK
 */
export function parseRuleDocument(name: RepositoryName, document: Uint8Array): TrustPolicy {
  return mergeTrustDocuments([parseTrustFile(`the rule of ${name}`, document)]);
}

/** Whether a policy says anything about an image: the document of a rule may be about some names below its own only. */
export function decidesAbout(policy: TrustPolicy, repository: RepositoryName, digest: Digest): boolean {
  return (
    findRule(policy, repository) !== undefined || findBan(policy.denied.get(digest), repository) !== undefined
  );
}
