import { type JsonValue, parseJson } from '@img/spec/json';
import type { RepositoryName } from '@img/spec/repository-name';
import { possibleOwners } from '../accounts/account-names.ts';
import { checkSchema } from '../accounts/schema.ts';
import { findLongest } from '../metadata/accounts/organisations.ts';
import type { Reader } from '../metadata/database.ts';
import { findPolicy, type PolicyOwner, type StoredPolicy } from '../metadata/retention-policies.ts';
import { policySchema, type RetentionPolicy } from './retention-policy.ts';

const policyBytes = 64 * 1024;

/** A policy, and whose it is. */
export type FoundPolicy = {
  readonly owner: PolicyOwner;
  readonly policy: RetentionPolicy;
  /** When it is carried out next, in milliseconds since 1970. */
  readonly runAt: number;
};

/** The policy that counts for a repository: its own, else the one of the organisation that owns it. */
export async function findPolicyFor(
  reader: Reader,
  repository: RepositoryName,
): Promise<FoundPolicy | undefined> {
  const own = await findPolicyOf(reader, { kind: 'repository', name: repository });
  if (own !== undefined) return own;
  const owner = await findLongest(reader, possibleOwners(repository));
  return owner === undefined ? undefined : findPolicyOf(reader, { kind: 'organisation', name: owner });
}

/** The policy of just this repository or organisation. */
export async function findPolicyOf(reader: Reader, owner: PolicyOwner): Promise<FoundPolicy | undefined> {
  const stored = await findPolicy(reader, owner);
  return stored && { owner, policy: policyOf(stored), runAt: stored.run_at };
}

/** What was checked when it was stored. */
export function policyOf({ policy }: StoredPolicy): RetentionPolicy {
  const value: JsonValue = parseJson(Buffer.from(policy), { maxBytes: policyBytes });
  return checkSchema(policySchema, value, 'the policy', { isOpen: true });
}
