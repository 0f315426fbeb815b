import type { RepositoryName } from '@img/spec/repository-name';
import type { ExecutionContext } from 'ava';
import type { ConnectionOptions } from '../client/connection.ts';
import { RegistryClient } from '../client/registry-client.ts';
import { quickRetry } from './quick-retry.ts';
import { RegistryDouble } from './registry-double.ts';

export const app = 'com.example.app' as RepositoryName;

/** A double that is gone when the test ends. */
export async function startDouble(t: ExecutionContext): Promise<RegistryDouble> {
  const double = await RegistryDouble.start();
  t.teardown(() => double[Symbol.asyncDispose]());
  return double;
}

/** A client of a double, which hardly waits before it tries again. */
export function clientOf(
  t: ExecutionContext,
  double: RegistryDouble,
  options: ConnectionOptions = {},
): RegistryClient {
  const client = new RegistryClient(double.host, { retry: quickRetry, ...options });
  t.teardown(() => client.close());
  return client;
}
