import { parseRepositoryName } from '@img/spec/repository-name';
import type { ExecutionContext } from 'ava';
import type { RegistryOptions } from '../../server/registry-options.ts';
import { TestClient } from '../../server/testing/test-client.ts';
import { basic, startTestRegistry, type TestRegistry } from '../../server/testing/test-registry.ts';
import { type ApiRouteId, apiPath, apiRoutes, type BodyOf, type ParametersOf } from '../api-routes.ts';

/** Everybody whose rights differ, in the organisation com.example. */
export const castNames = [
  'nobody',
  'outsider',
  'reader',
  'writer',
  'owner',
  'reading robot',
  'writing robot',
  'expired robot',
  'administrator',
] as const;

export type CastName = (typeof castNames)[number];

export type Stage = TestRegistry & {
  /** The Authorization header of everybody; undefined for nobody. */
  readonly cast: { readonly [name in CastName]: string | undefined };
  /** Calls the management API as the administrator; fails unless it is done. */
  call<Id extends ApiRouteId>(id: Id, parameters: ParametersOf<Id>, body: BodyOf<Id>): Promise<unknown>;
  /** Sends requests as one of the cast; wrong log-ins are as far apart as the limit of guesses asks. */
  as(name: CastName): TestClient;
};

export const organisation = parseRepositoryName('com.example');
const password = 'long enough';
const logInRefillMs = 6000;

/** Starts a registry with the organisation com.example, whose repository com.example.open is public. */
export async function startStage(
  t: ExecutionContext,
  options: Partial<RegistryOptions> = {},
): Promise<Stage> {
  let now = Date.now();
  const registry = await startTestRegistry(t, { clock: () => now, ...options });
  const call: Stage['call'] = async (id, parameters, body) => {
    const answer = await registry.client.send(apiRoutes[id].method, apiPath(id, parameters), {
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    if (answer.status >= 300) throw new Error(`${id} was answered ${answer.status} ${answer.text}`);
    return answer.status === 204 ? undefined : answer.json;
  };
  await call('createOrganisation', {}, { name: organisation });
  for (const name of ['outsider', 'reader', 'writer', 'owner'])
    await call('createUser', {}, { name, password });
  for (const [user, role] of [
    ['reader', 'read'],
    ['writer', 'write'],
    ['owner', 'admin'],
  ] as const) {
    await call('putMember', { organisation, user }, { role });
  }
  await call('setVisibility', { repository: `${organisation}.open` }, { visibility: 'public' });
  const robot = async (name: string, role: 'read' | 'write', days: number) => {
    const made = (await call('createRobot', { organisation }, { name, role, days })) as {
      logIn: string;
      token: string;
    };
    return basic(made.logIn, made.token);
  };
  const cast: Stage['cast'] = {
    nobody: undefined,
    outsider: basic('outsider', password),
    reader: basic('reader', password),
    writer: basic('writer', password),
    owner: basic('owner', password),
    'reading robot': await robot('reads', 'read', 30),
    'writing robot': await robot('writes', 'write', 30),
    'expired robot': await robot('old', 'write', 1),
    administrator: basic('admin', 'correct horse'),
  };
  now += 2 * 24 * 60 * 60 * 1000;
  const clients = new Map(castNames.map((name) => [name, new TestClient(registry.running.url, cast[name])]));
  t.teardown(() => Promise.all([...clients.values()].map((client) => client.close())));
  return {
    ...registry,
    cast,
    call,
    as: (name) => {
      if (name === 'expired robot') now += logInRefillMs;
      return clients.get(name) as TestClient;
    },
  };
}
