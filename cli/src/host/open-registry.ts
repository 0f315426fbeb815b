import { RegistryClient } from '@img/registry/client/registry-client';
import type { RetryPolicy } from '@img/registry/client/retry';
import type { RegistryHost } from '@img/spec/registry-host';
import type { Session } from '../command.ts';
import { version } from '../version.ts';

export type OpenRegistryOptions = {
  readonly retry?: Partial<RetryPolicy>;
};

/** A client for a registry, with what is configured and stored for it. Close it, or bind it with `await using`. */
export function openRegistry(
  { config }: Pick<Session, 'config'>,
  host: RegistryHost,
  { retry = {} }: OpenRegistryOptions = {},
): RegistryClient {
  return new RegistryClient(host, {
    ...(config.plainHttp.has(host) ? { scheme: 'http' } : {}),
    retry,
    userAgent: `img/${version}`,
  });
}
