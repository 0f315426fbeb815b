import type { RegistryDouble } from '@img/registry/testing/registry-double';
import { clientOf, startDouble } from '@img/registry/testing/start-double';
import type { ContentSource, ContentTarget } from '@img/registry/transfer/content';
import type { TrustRule } from '@img/sign/trust-rule';
import { parseRepositoryName } from '@img/spec/repository-name';
import type { ExecutionContext } from 'ava';
import { newTestHost, type TestHost } from './test-host.ts';

/** A registry that can be told to misbehave, and a host with an empty store that asks it. */
export type DoubleStage = {
  readonly double: RegistryDouble;
  /** Of `com.example.app` in the registry; empty. */
  readonly repository: ContentSource & ContentTarget;
  readonly host: TestHost;
};

/**
 * Sets a stage without running any command; it is gone when the test ends.
 *
 * @param rules who may sign what for the host; Alice everything unless given
 */
export async function setDoubleStage(
  t: ExecutionContext,
  rules?: readonly TrustRule[],
): Promise<DoubleStage> {
  const double = await startDouble(t);
  const repository = clientOf(t, double).repository(parseRepositoryName('com.example.app'), 'push');
  return { double, repository, host: await newTestHost(t, double.host, rules) };
}
