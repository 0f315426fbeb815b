import type { AccountsClient } from '@img/registry/accounts/accounts-client';
import type { RepositoryLocation } from '@img/registry/transfer/content';
import type { Digest } from '@img/spec/digest';
import { parseDigest } from '@img/spec/digest';
import type { Tag } from '@img/spec/tag';
import { CliError } from '../cli-error.ts';
import type { Session } from '../command.ts';
import type { Config } from '../config/config.ts';
import { openAccounts } from '../host/open-accounts.ts';
import { typedReference, typedRepository } from '../host/typed-reference.ts';

/** A tag of a registry. */
export type TypedTag = RepositoryLocation & { readonly tag: Tag };

/**
 * The tag that somebody typed: nothing stands for one here.
 *
 * @throws CliError USAGE
 */
export function typedTag(text: string, config: Config): TypedTag {
  const { location, reference } = typedRepository(text, config);
  if (reference?.tag !== undefined && reference.digest === undefined) {
    return { ...location, tag: reference.tag };
  }
  throw new CliError('USAGE', `${text} names no tag`, { hint: `name one: ${location.repository}:TAG` });
}

/** Does something with an image of a registry, which is named by tag or digest. */
export async function withTagged(
  session: Session,
  text: string,
  work: (accounts: AccountsClient, image: RepositoryLocation & { readonly digest: Digest }) => Promise<void>,
): Promise<void> {
  const { registry, repository, tag, digest } = typedReference(text, session.config);
  await using accounts = openAccounts(session, registry);
  if (digest !== undefined) {
    await work(accounts, { registry, repository, digest });
    return;
  }
  const { signal } = session;
  const options = { query: { n: '1' }, signal };
  const moves = await accounts.call('listTagHistory', { repository, tag: tag ?? '' }, undefined, options);
  const current = moves[0]?.digest;
  if (current === undefined) {
    throw new CliError('TAG_UNKNOWN', `${repository} has no tag ${tag} any more`, {
      hint: `img tag restore ${text} brings it back`,
    });
  }
  await work(accounts, { registry, repository, digest: parseDigest(current) });
}
