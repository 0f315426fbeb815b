import type { AccountsClient } from '@img/registry/accounts/accounts-client';
import type { AnswerOf, ApiRouteId, BodyOf, ParametersOf } from '@img/registry/accounts/api-routes';
import type { Command } from 'commander';
import type { Session } from '../command.ts';
import { openAccounts } from '../host/open-accounts.ts';
import { typedRegistry } from '../host/typed-registry.ts';

export type AccountsOptions = { readonly registry?: string };

/** Which registry is managed. */
export function addRegistryOption(command: Command): Command {
  return command.option('--registry <registry>', 'an alias or an address, instead of the default registry');
}

/** Does something with the accounts of the registry that was asked for. */
export async function withAccounts<T>(
  session: Session,
  { registry }: AccountsOptions,
  work: (accounts: AccountsClient) => Promise<T>,
): Promise<T> {
  await using accounts = openAccounts(session, typedRegistry(registry, session.config));
  return await work(accounts);
}

/** Calls one route of the accounts of the registry that was asked for. */
export async function callAccounts<Id extends ApiRouteId>(
  session: Session,
  options: AccountsOptions,
  id: Id,
  parameters: ParametersOf<Id>,
  body: BodyOf<Id>,
): Promise<AnswerOf<Id>> {
  const { signal } = session;
  return await withAccounts(session, options, (accounts) => accounts.call(id, parameters, body, { signal }));
}
