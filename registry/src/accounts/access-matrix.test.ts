import { digestOf } from '@img/spec/digest';
import { type RepositoryAction, routeTable } from '@img/spec/routes';
import test from 'ava';
import { type RequestOptions, TestClient } from '../server/testing/test-client.ts';
import { pushManifest } from '../server/testing/test-registry.ts';
import type { Role } from './account-names.ts';
import { type ApiRoute, anyApiRoutes } from './api-routes.ts';
import { type CastName, castNames, organisation, type Stage, startStage } from './testing/stage.ts';

/** What everybody is in the organisation; written down here once more, independent of the policy. */
const roleOf: { readonly [name in CastName]: Role | 'none' | 'not logged in' | 'everything' } = {
  nobody: 'not logged in',
  outsider: 'none',
  reader: 'read',
  writer: 'write',
  owner: 'admin',
  'reading robot': 'read',
  'writing robot': 'write',
  'expired robot': 'not logged in',
  administrator: 'everything',
};

const mayDo: { readonly [action in RepositoryAction]: readonly string[] } = {
  pull: ['read', 'write', 'admin', 'everything'],
  push: ['write', 'admin', 'everything'],
  delete: ['admin', 'everything'],
};

const atLeast: { readonly [role in Role]: readonly string[] } = {
  read: mayDo.pull,
  write: mayDo.push,
  admin: mayDo.delete,
};

const manifest = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] };
const absent = digestOf(Buffer.from('absent'));
const repositories = [
  ['com.example.app', 'private'],
  ['com.example.open', 'public'],
  ['com.example.absent', 'absent'],
] as const;

type V2Route = {
  readonly path: string;
  readonly methods: { readonly [method: string]: RepositoryAction | undefined };
};

async function startWithContent(t: Parameters<typeof startStage>[0]): Promise<Stage> {
  const stage = await startStage(t);
  for (const [into] of repositories.slice(0, 2))
    await pushManifest(stage.client, manifest, { into, reference: 'v1' });
  return stage;
}

function expectedStatus(isAllowed: boolean, who: CastName): 'allowed' | 401 | 403 {
  if (isAllowed) return 'allowed';
  return roleOf[who] === 'not logged in' ? 401 : 403;
}

function seen(status: number): 'allowed' | number {
  return status === 401 || status === 403 || status >= 500 ? status : 'allowed';
}

test('every route of the protocol is open to who may use it and to nobody else', async (t) => {
  const stage = await startWithContent(t);
  for (const [repository, visibility] of repositories) {
    for (const { path, methods } of Object.values<V2Route>(routeTable)) {
      // What is asked for is not there, so that nothing changes.
      const filled = path
        .replace('{name}', repository)
        .replace('{digest}', absent)
        .replace('{reference}', absent)
        .replace('{session}', 'x');
      for (const [method, action] of Object.entries(methods)) {
        for (const who of castNames) {
          const isCatalog = path.endsWith('_catalog');
          const role = roleOf[who];
          const isAllowed =
            action === undefined
              ? isCatalog
                ? role === 'everything'
                : role !== 'not logged in'
              : mayDo[action].includes(role) ||
                // Nobody in particular needs a token also for what is public.
                (action === 'pull' && visibility === 'public' && role !== 'not logged in');
          const { status } = await stage.as(who).send(method, filled);
          t.is(seen(status), expectedStatus(isAllowed, who), `${who}: ${method} ${filled} (${visibility})`);
        }
      }
    }
  }
});

test('tokens grant to everybody what the role and the visibility allow', async (t) => {
  const stage = await startWithContent(t);
  for (const [repository, visibility] of repositories) {
    for (const who of castNames) {
      const answer = await stage
        .as(who)
        .send('GET', `/token?scope=repository:${repository}:pull,push,delete`);
      if (who === 'expired robot') {
        t.is(answer.status, 401);
        continue;
      }
      const actions = (['pull', 'push', 'delete'] as const).filter((action) => {
        return mayDo[action].includes(roleOf[who]) || (action === 'pull' && visibility === 'public');
      });
      const { token, scope } = answer.json as { token: string; scope: string };
      t.is(scope, actions.length === 0 ? '' : `repository:${repository}:${actions}`, `${who}: ${repository}`);
      const bearer = new TestClient(stage.running.url, `Bearer ${token}`);
      t.teardown(() => bearer.close());
      const { status } = await bearer.send('GET', `/v2/${repository}/tags/list`);
      t.is(seen(status), expectedStatus(actions.includes('pull'), who), `${who}: ${repository}`);
      t.is((await bearer.send('GET', '/api/v1/account')).status, 401, 'a token to pull manages nothing');
    }
  }
});

function isOpenTo({ access }: ApiRoute, who: CastName): boolean {
  const role = roleOf[who];
  if (access === 'everybody') return true;
  if (access === 'account') return role !== 'not logged in';
  if (access === 'administrator') return role === 'everything';
  return atLeast['organisation' in access ? access.organisation : access.repository].includes(role);
}

/** Content that lacks what the route requires, or asks for nothing. */
function contentOf({ body }: ApiRoute): RequestOptions {
  return body === undefined ? {} : { body: '{}', headers: { 'content-type': 'application/json' } };
}

/** The path of a route, about users and robots that are not there, so that nothing changes. */
function fill({ path, method }: ApiRoute, owner: string): string {
  const isWhole = method === 'DELETE' && path.endsWith('{organisation}');
  return path
    .replace('{organisation}', isWhole ? 'org.absent' : owner)
    .replace('{repository}', `${owner}.app`)
    .replace(/\{\w+\}/, 'ghost');
}

test('every route of the management API is open to who may use it and to nobody else', async (t) => {
  const stage = await startWithContent(t);
  const routes = Object.values(anyApiRoutes).flatMap((route) => [
    { route, owner: organisation, isOurs: true },
    // Whether it is there must not show: only administrators may do anything there.
    { route, owner: 'org.absent', isOurs: typeof route.access === 'string' },
  ]);
  for (const { route, owner, isOurs } of routes) {
    for (const who of castNames) {
      const path = fill(route, owner);
      const answer = await stage.as(who).send(route.method, path, contentOf(route));
      const wanted = expectedStatus(isOurs ? isOpenTo(route, who) : roleOf[who] === 'everything', who);
      t.is(seen(answer.status), wanted, `${who}: ${route.method} ${path}`);
      if (wanted === 403) t.is(answer.code, 'DENIED');
      if (wanted === 401) t.regex(answer.headers['www-authenticate'] ?? '', /scope="registry:accounts:\*"/);
    }
  }
});

test('what is refused is answered alike whether it is there or not', async (t) => {
  const stage = await startWithContent(t);
  for (const who of ['nobody', 'outsider'] as const) {
    for (const route of Object.values(anyApiRoutes)) {
      if (typeof route.access === 'string') continue;
      const content =
        route.body === undefined ? {} : { body: '{}', headers: { 'content-type': 'application/json' } };
      const [there, gone] = [
        await stage.as(who).send(route.method, fill(route, organisation), content),
        await stage.as(who).send(route.method, fill(route, 'org.absent'), content),
      ];
      t.deepEqual(
        [there.status, there.text],
        [gone.status, gone.text],
        `${who}: ${route.method} ${route.path}`,
      );
    }
  }
});
