import { LogClient } from '@img/registry/log/log-client';
import type { RegistryHost } from '@img/spec/registry-host';
import type { Session } from '../command.ts';
import { connectionOptions } from './open-registry.ts';

/** A client for the transparency logs of a registry. Close it, or bind it with `await using`. */
export function openLogs(
  session: Pick<Session, 'config' | 'environment' | 'signal'>,
  host: RegistryHost,
): LogClient {
  return new LogClient(host, connectionOptions(session, host));
}
