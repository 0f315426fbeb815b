import type { ConnectionOptions } from '@img/registry/client/connection';
import { DockerCredentials } from '@img/registry/client/docker-credentials';
import { RegistryClient } from '@img/registry/client/registry-client';
import type { RetryPolicy } from '@img/registry/client/retry';
import type { RegistryHost } from '@img/spec/registry-host';
import type { Session } from '../command.ts';
import { version } from '../version.ts';

export type OpenRegistryOptions = {
  readonly retry?: Partial<RetryPolicy>;
  /** Instead of what is stored. */
  readonly login?: { readonly username: string; readonly password: string };
};

/** A client for a registry, with what is configured and stored for it. Close it, or bind it with `await using`. */
export function openRegistry(
  session: Pick<Session, 'config' | 'environment' | 'signal'>,
  host: RegistryHost,
  options: OpenRegistryOptions = {},
): RegistryClient {
  return new RegistryClient(host, connectionOptions(session, host, options));
}

/** How a registry is reached, for whichever client. */
export function connectionOptions(
  session: Pick<Session, 'config' | 'environment' | 'signal'>,
  host: RegistryHost,
  { retry = {}, login }: OpenRegistryOptions = {},
): ConnectionOptions {
  const { config, signal } = session;
  const stored = dockerCredentials(session);
  return {
    ...(config.plainHttp.has(host) ? { scheme: 'http' } : {}),
    credentials: async (asked) => {
      return login === undefined ? await stored.get(asked, { signal }) : { kind: 'password', ...login };
    },
    retry,
    userAgent: `img/${version}`,
  };
}

/** What Docker's tools and `img login` have stored. */
export function dockerCredentials({ environment }: Pick<Session, 'environment'>): DockerCredentials {
  return new DockerCredentials({ environment: environment.variables, home: environment.homeFolder });
}
