import { collectEvidence } from '@img/registry/transfer/collect-evidence';
import type { ContentOptions, ContentSource } from '@img/registry/transfer/content';
import type { Trust } from '@img/runtime/trust/decide';
import { statementsBy } from '@img/sign/check-evidence';
import type { PublicKey } from '@img/sign/public-key';
import type { Statement } from '@img/sign/statement';
import { findRule, type TrustPolicy } from '@img/sign/trust-policy';
import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';

/** What is signed next. */
export type Signing = {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly tags: readonly Tag[];
};

/**
 * What a place says that is known about tags: the statements about the image itself and about whatever the tags
 * mean there now, by keys that count.
 */
export async function statementsAt(
  source: ContentSource,
  { digest, tags }: Signing,
  keys: readonly PublicKey[],
  options: ContentOptions,
): Promise<readonly Statement[]> {
  const digests = new Set([digest]);
  for (const tag of tags) {
    const current = await source.getManifest(tag, options);
    if (current !== undefined) digests.add(current.descriptor.digest);
  }
  const statements: Statement[] = [];
  for (const each of digests) {
    statements.push(...statementsBy(keys, await collectEvidence(source, each, options)));
  }
  return statements;
}

/** What this host has accepted for the tags, as statements. */
export async function rememberedStatements(
  { repository, tags }: Signing,
  { memory }: Trust,
): Promise<readonly Statement[]> {
  const remembered = await Promise.all(tags.map((tag) => memory.recall({ repository, tag })));
  return tags.flatMap((tag, index): readonly Statement[] => {
    const known = remembered[index];
    if (known === undefined) return [];
    const nobodySays = { registry: undefined, issued: undefined, expires: undefined };
    return [{ ...nobodySays, repository, tag, ...known }];
  });
}

/** The keys whose statements count: the signer's, and those of everybody whom this host's rule for the name lists. */
export function countingKeys(
  signer: PublicKey,
  repository: RepositoryName,
  policy: TrustPolicy,
): readonly PublicKey[] {
  const { of = [], movers = [] } = findRule(policy, repository) ?? {};
  const listed = [...of, ...movers];
  return [signer, ...listed.flatMap((id) => policy.identities.get(id)?.keys ?? [])];
}
