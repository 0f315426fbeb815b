import { AccountsClient } from '@img/registry/accounts/accounts-client';
import type { RegistryHost } from '@img/spec/registry-host';
import type { Session } from '../command.ts';
import { connectionOptions } from './open-registry.ts';

/** A client for the accounts of a registry. Close it, or bind it with `await using`. */
export function openAccounts(
  session: Pick<Session, 'config' | 'environment' | 'signal'>,
  host: RegistryHost,
): AccountsClient {
  return new AccountsClient(host, connectionOptions(session, host));
}
