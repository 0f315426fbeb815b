import test from 'ava';
import { TestClient } from '../server/testing/test-client.ts';
import { basic, pushManifest } from '../server/testing/test-registry.ts';
import { AccountsClient } from './accounts-client.ts';
import { type CastName, organisation, type Stage, startStage } from './testing/stage.ts';

const manifest = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] };
const json = { 'content-type': 'application/json' };

test('a user that is made logs in with the password made up, or given, and not after removal', async (t) => {
  const { call, running } = await startStage(t);
  const made = (await call('createUser', {}, { name: 'zoe' })) as { newPassword: string };
  t.regex(made.newPassword, /^[\w-]{24}$/);
  const zoe = new TestClient(running.url, basic('zoe', made.newPassword));
  t.teardown(() => zoe.close());
  t.deepEqual((await zoe.send('GET', '/api/v1/account')).json, {
    name: 'zoe',
    isAdministrator: false,
    isRobot: false,
    organisations: [],
  });
  t.is((await zoe.send('GET', '/v2/')).status, 200);
  await call('deleteUser', { user: 'zoe' }, undefined);
  t.is((await zoe.send('GET', '/v2/')).status, 401);
});

test('a changed password counts at once, and only who knows the present one changes it', async (t) => {
  const { as, running, call } = await startStage(t);
  const change = (body: object) => {
    return as('reader').send('PUT', '/api/v1/account/password', {
      headers: json,
      body: JSON.stringify(body),
    });
  };
  t.is((await change({ currentPassword: 'wrong', password: 'another one' })).status, 403);
  t.is((await change({ currentPassword: 'long enough', password: 'short' })).status, 400);
  t.is((await change({ currentPassword: 'long enough', password: 'another one' })).status, 200);
  t.is((await as('reader').send('GET', '/v2/')).status, 401);
  const reader = new TestClient(running.url, basic('reader', 'another one'));
  t.teardown(() => reader.close());
  t.is((await reader.send('GET', '/v2/')).status, 200);
  await call('resetPassword', { user: 'reader' }, { password: 'a third one' });
  t.is((await reader.send('GET', '/v2/')).status, 401);
});

test('a removed member and a removed robot may do nothing any more', async (t) => {
  const { as, call, client } = await startStage(t);
  await pushManifest(client, manifest, { into: 'com.example.app', reference: 'v1' });
  const look = async (who: CastName) =>
    (await as(who).send('GET', '/v2/com.example.app/manifests/v1')).status;
  t.deepEqual([await look('reader'), await look('reading robot')], [200, 200]);
  await call('deleteMember', { organisation, user: 'reader' }, undefined);
  await call('deleteRobot', { organisation, robot: 'reads' }, undefined);
  t.deepEqual([await look('reader'), await look('reading robot')], [403, 401]);
});

test('a robot with a new token does not get in with the old one, nor its token with a refresh token of before', async (t) => {
  const { as, call, anonymous, cast } = await startStage(t);
  const got = await anonymous.send('GET', '/token?offline_token=true', {
    headers: { authorization: cast['writing robot'] as string },
  });
  const { refresh_token } = got.json as { refresh_token: string };
  const refresh = () =>
    anonymous.send('POST', '/token', {
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token }).toString(),
    });
  t.is((await refresh()).status, 200);
  await call('createRobot', { organisation }, { name: 'writes', role: 'write' });
  t.is((await as('writing robot').send('GET', '/v2/')).status, 401);
  t.is((await refresh()).status, 401);
});

test('listRepositories shows what the caller may pull, page by page, and nothing of inner organisations', async (t) => {
  const stage = await startStage(t);
  await stage.call('createOrganisation', {}, { name: 'com.example.inner' });
  for (const into of [
    'com.example.app',
    'com.example.inner.x',
    'com.example.open',
    'com.example_x',
    'com.examplf',
    'org.x',
  ]) {
    await pushManifest(stage.client, manifest, { into, reference: 'v1' });
  }
  await stage.call('setVisibility', { repository: 'org.x' }, { visibility: 'public' });
  t.deepEqual(await namesFor(stage, 'reader'), ['com.example.app', 'com.example.open', 'org.x']);
  t.deepEqual(await namesFor(stage, 'reading robot'), ['com.example.app', 'com.example.open', 'org.x']);
  t.deepEqual(await namesFor(stage, 'outsider'), ['com.example.open', 'org.x']);
  t.is((await namesFor(stage, 'administrator')).length, 6);
  t.deepEqual(await namesFor(stage, 'reader', '&search=e.ap'), ['com.example.app']);
  t.deepEqual(await namesFor(stage, 'administrator', '&search=e_'), ['com.example_x'], 'no wildcard');
});

/** Reads all pages of one entry each. */
async function namesFor({ as }: Stage, who: CastName, search = ''): Promise<readonly string[]> {
  const names: string[] = [];
  for (let after: string | undefined = ''; after !== undefined; ) {
    const { json: page } = await as(who).send('GET', `/api/v1/repositories?n=1&after=${after}${search}`);
    const { repositories, next } = page as { repositories: readonly { name: string }[]; next?: string };
    names.push(...repositories.map(({ name }) => name));
    after = next;
  }
  return names;
}

const contradictions = [
  ['POST', '/api/v1/users', { name: 'reader' }, 409, 'the user is there'],
  ['POST', '/api/v1/users', { name: 'Upper' }, 400, 'no name of a user'],
  ['POST', '/api/v1/users', { name: 'a+b' }, 400, 'a name for a robot'],
  ['POST', '/api/v1/users', { name: 'x', password: 'short' }, 400, 'a short password'],
  ['DELETE', '/api/v1/users/admin', undefined, 409, 'the last administrator'],
  ['DELETE', '/api/v1/users/ghost', undefined, 404, 'nobody to remove'],
  ['POST', '/api/v1/organisations', { name: 'com.example' }, 409, 'the organisation is there'],
  ['POST', '/api/v1/organisations', { name: 'com..x' }, 400, 'no name'],
  ['GET', '/api/v1/organisations/org.absent/members', undefined, 404, 'no such organisation'],
  ['PUT', '/api/v1/organisations/com.example/members/ghost', { role: 'read' }, 404, 'no such user'],
  ['PUT', '/api/v1/organisations/com.example/members/reader', { role: 'king' }, 400, 'no such role'],
  [
    'POST',
    '/api/v1/organisations/com.example/robots',
    { name: 'ci', role: 'admin' },
    400,
    'robots are no admins',
  ],
  ['POST', '/api/v1/organisations/com.example/robots', { name: 'ci', role: 'read', days: 0 }, 400, 'no time'],
  [
    'POST',
    '/api/v1/organisations/com.example/robots',
    { name: 'ci', role: 'read', days: 9999 },
    400,
    'too long',
  ],
  [
    'POST',
    '/api/v1/organisations/com.example/robots',
    { name: 'c_i', role: 'read' },
    400,
    'no name of a robot',
  ],
  ['DELETE', '/api/v1/organisations/com.example/robots/ghost', undefined, 404, 'no such robot'],
  ['PUT', '/api/v1/repositories/UPPER/visibility', { visibility: 'public' }, 400, 'no name of a repository'],
  ['PATCH', '/api/v1/users', undefined, 405, 'no such method'],
  ['GET', '/api/v1/nothing', undefined, 404, 'no such route'],
  ['GET', '/api/v1/repositories?n=x', undefined, 400, 'no count'],
  ['DELETE', '/api/v1/users/%zz', undefined, 400, 'wrong escapes'],
] as const;

test('what can not be done is refused with its status', async (t) => {
  const { client } = await startStage(t);
  for (const [method, path, body, status, reason] of contradictions) {
    const answer = await client.send(
      method,
      path,
      body === undefined ? {} : { headers: json, body: JSON.stringify(body) },
    );
    t.is(answer.status, status, `${method} ${path}: ${reason}: ${answer.text}`);
    t.is(typeof answer.code, 'string');
  }
});

test('content that is no JSON, of another type or too long is refused', async (t) => {
  const { client } = await startStage(t);
  const send = async (body: string, type = 'application/json') => {
    return (await client.send('POST', '/api/v1/users', { headers: { 'content-type': type }, body })).status;
  };
  t.is(await send('{"name":"x"}', 'text/plain'), 415, 'what a form of another site could send');
  t.is(await send('name=x', 'application/x-www-form-urlencoded'), 415);
  t.is(await send('{'), 400);
  t.is(await send('{"name":"x","name":"y"}'), 400);
  t.is(await send('[]'), 400);
  t.is(await send(JSON.stringify({ name: 'x'.repeat(70_000) })), 413);
});

test('AccountsClient calls the API with a token, and tells why it is refused', async (t) => {
  const { running } = await startStage(t);
  const open = (username: string, password: string) => {
    const client = new AccountsClient(running.host, {
      credentials: async () => ({ kind: 'password', username, password }),
    });
    t.teardown(() => client[Symbol.asyncDispose]());
    return client;
  };
  const owner = open('owner', 'long enough');
  t.like(await owner.call('account', {}, undefined), { name: 'owner', organisations: [{ role: 'admin' }] });
  t.is(await owner.call('putMember', { organisation, user: 'outsider' }, { role: 'write' }), undefined);
  t.deepEqual(await owner.call('listMembers', { organisation }, undefined), [
    { user: 'outsider', role: 'write' },
    { user: 'owner', role: 'admin' },
    { user: 'reader', role: 'read' },
    { user: 'writer', role: 'write' },
  ]);
  await t.throwsAsync(owner.call('listUsers', {}, undefined), { code: 'ACCESS_DENIED', message: /DENIED/ });
  await t.throwsAsync(owner.call('deleteMember', { organisation, user: 'ghost' }, undefined), {
    code: 'CONTENT_MISSING',
    message: /could not remove a member from an organisation on .*there is no member/,
  });
  await t.throwsAsync(open('owner', 'wrong').call('account', {}, undefined), {
    code: 'LOGIN_FAILED',
  });
});
