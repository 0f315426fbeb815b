import { digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import { parseNamePrefix } from '@img/spec/name-prefix';
import { routeTable } from '@img/spec/routes';
import test from 'ava';
import { SqliteDatabase } from '../metadata/sqlite-database.ts';
import { putUser } from '../metadata/users.ts';
import { hashPassword } from './auth/password-hash.ts';
import { parseScopes } from './auth/scope.ts';
import { TokenIssuer } from './auth/token-issuer.ts';
import { loadTokenKey } from './auth/token-key.ts';
import { type Answer, TestClient } from './testing/test-client.ts';
import {
  admin,
  basic,
  pushBlob,
  pushManifest,
  startTestRegistry,
  type TestRegistry,
} from './testing/test-registry.ts';

const credentials = basic(admin.name, admin.password);
const digest = digestOf(Buffer.from('content'));

test('/v2/ always asks for a token, also where anonymous pull is allowed', async (t) => {
  const { anonymous, running } = await startTestRegistry(t, { anonymousPull: [parseNamePrefix('*')] });
  for (const path of ['/v2/', '/v2']) {
    const answer = await anonymous.send('GET', path);
    t.is(answer.status, 401);
    t.is(answer.code, 'UNAUTHORIZED');
    t.is(answer.headers['www-authenticate'], `Bearer realm="${running.url}/token",service="img-registry"`);
    t.is(answer.headers['docker-distribution-api-version'], 'registry/2.0');
  }
});

test('a challenge names the scope that is needed', async (t) => {
  const { anonymous } = await startTestRegistry(t);
  const cases = [
    ['GET', `/v2/a/b/blobs/${digest}`, 'repository:a/b:pull'],
    ['HEAD', '/v2/a/manifests/v1', 'repository:a:pull'],
    ['GET', '/v2/a/tags/list', 'repository:a:pull'],
    ['GET', `/v2/a/referrers/${digest}`, 'repository:a:pull'],
    ['POST', '/v2/a/blobs/uploads/', 'repository:a:pull,push'],
    ['PATCH', '/v2/a/blobs/uploads/x', 'repository:a:pull,push'],
    ['PUT', '/v2/a/manifests/v1', 'repository:a:pull,push'],
    ['DELETE', '/v2/a/manifests/v1', 'repository:a:delete'],
    ['DELETE', `/v2/a/blobs/${digest}`, 'repository:a:delete'],
    ['GET', '/v2/_catalog', 'registry:catalog:*'],
  ] as const;
  for (const [method, path, scope] of cases) {
    const answer = await anonymous.send(method, path);
    t.is(answer.status, 401);
    t.true(answer.headers['www-authenticate']?.endsWith(`,scope="${scope}"`), `${method} ${path}`);
  }
});

test('a token from GET /token opens what it grants and nothing else', async (t) => {
  const registry = await startTestRegistry(t);
  await pushBlob(registry.client, 'content');
  const got = await getToken(registry, ['repository:app:pull'], credentials);
  t.is(got.status, 200);
  t.is(got.headers['cache-control'], 'no-store');
  const body = got.json as { [name: string]: unknown };
  t.is(body['token'], body['access_token']);
  t.is(body['expires_in'], 300);
  t.is(body['scope'], 'repository:app:pull');
  t.false(Number.isNaN(Date.parse(body['issued_at'] as string)));
  t.is(body['refresh_token'], undefined);
  const bearer = withToken(t, registry, got);
  t.is((await bearer.send('GET', `/v2/app/blobs/${digest}`)).text, 'content');
  t.is((await bearer.send('GET', '/v2/')).status, 200);
  for (const [method, path] of [
    ['POST', '/v2/app/blobs/uploads/'],
    ['DELETE', `/v2/app/blobs/${digest}`],
    ['GET', `/v2/other/blobs/${digest}`],
    ['GET', '/v2/_catalog'],
  ] as const) {
    const answer = await bearer.send(method, path);
    t.is(answer.status, 401, path);
    t.regex(
      answer.headers['www-authenticate'] ?? '',
      /error="insufficient_scope"$/,
      'so the client asks for more',
    );
  }
});

test('a token grants the part of what is asked that the user may have', async (t) => {
  const registry = await startTestRegistry(t, { anonymousPull: [parseNamePrefix('public/')] });
  const asked = ['repository:public/app:pull,push repository:private:pull', 'registry:catalog:*', 'nonsense'];
  const nobody = (await getToken(registry, asked)).json as { scope: string };
  t.is(nobody.scope, 'repository:public/app:pull');
  const everything = (await getToken(registry, asked, credentials)).json as { scope: string };
  t.is(everything.scope, 'repository:public/app:pull,push repository:private:pull registry:catalog:*');
});

test('anonymous pull works for the names that allow it, and only pull', async (t) => {
  const registry = await startTestRegistry(t, { anonymousPull: [parseNamePrefix('public/')] });
  for (const into of ['public/app', 'private/app']) await pushBlob(registry.client, 'content', { into });
  const scopes = ['repository:public/app:pull,push,delete', 'repository:private/app:pull'];
  const nobody = withToken(t, registry, await getToken(registry, scopes));
  t.is((await nobody.send('GET', `/v2/public/app/blobs/${digest}`)).text, 'content');
  for (const [method, path] of [
    ['GET', `/v2/private/app/blobs/${digest}`],
    ['POST', '/v2/public/app/blobs/uploads/'],
    ['DELETE', `/v2/public/app/blobs/${digest}`],
    ['GET', '/v2/_catalog'],
  ] as const) {
    t.is((await nobody.send(method, path)).status, 401, path);
  }
});

test('what is private and what does not exist are answered alike', async (t) => {
  const registry = await startTestRegistry(t, { anonymousPull: [parseNamePrefix('public/')] });
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] };
  await pushManifest(registry.client, index, { into: 'private', reference: 'v1' });
  await pushBlob(registry.client, 'content', { into: 'private' });
  const { anonymous } = registry;
  const nobody = withToken(t, registry, await getToken(registry, ['repository:private:pull']));
  const outside = [
    'manifests/v1',
    `blobs/${digest}`,
    'tags/list',
    `referrers/${digest}`,
    '_oci/ext/discover',
  ];
  for (const path of outside) {
    for (const client of [anonymous, nobody]) {
      const [real, absent] = await Promise.all([
        client.send('GET', `/v2/private/${path}`),
        client.send('GET', `/v2/absence/${path}`),
      ]);
      t.is(real.status, 401);
      const strip = ({ status, text, headers }: Answer) => {
        return [status, text, headers['www-authenticate'], Object.keys(headers)]
          .join()
          .replaceAll('absence', 'private');
      };
      t.is(strip(real), strip(absent), path);
    }
  }
});

test('a blob of a private repository can not be mounted by those who may not pull it', async (t) => {
  const registry = await startTestRegistry(t);
  await pushBlob(registry.client, 'content', { into: 'private' });
  // Nobody may push yet except the administrator, so the rule is asked directly with a token of nobody.
  const key = await loadTokenKey(`${registry.folder}/token-key.pem`);
  const issuer = new TokenIssuer({ key, service: 'img-registry', clock: Date.now });
  const { token } = await issuer.issueAccess('mallory', parseScopes(['repository:mine:pull,push']));
  const mallory = new TestClient(registry.running.url, `Bearer ${token}`);
  t.teardown(() => mallory.close());
  for (const query of [`mount=${digest}&from=private`, `mount=${digest}`, `mount=${digest}&from=absent`]) {
    t.is((await mallory.send('POST', `/v2/mine/blobs/uploads/?${query}`)).status, 202, query);
  }
  t.is((await mallory.send('HEAD', `/v2/mine/blobs/${digest}`)).status, 404);
  const upload = (await mallory.send('POST', '/v2/mine/blobs/uploads/')).headers['location'] as string;
  t.is((await registry.client.send('GET', upload)).status, 404, 'a session belongs to who began it');
});

test('a user who can never have what a request needs is told so with 403', async (t) => {
  const registry = await startTestRegistry(t);
  const database = await SqliteDatabase.open(`${registry.folder}/metadata.sqlite`);
  const password_hash = await hashPassword('pass of bob');
  await database.transaction((writer) =>
    putUser(writer, { name: 'bob', password_hash, is_administrator: 0 }, 1),
  );
  await database.close();
  const bob = basic('bob', 'pass of bob');
  const client = new TestClient(registry.running.url, bob);
  t.teardown(() => client.close());
  const bearer = withToken(t, registry, await getToken(registry, ['repository:private:pull'], bob));
  for (const sender of [client, bearer]) {
    t.is((await sender.send('GET', '/v2/')).status, 200);
    for (const path of ['/v2/private/tags/list', '/v2/absent/tags/list', '/v2/_catalog']) {
      const answer = await sender.send('GET', path);
      t.is(answer.status, 403);
      t.is(answer.code, 'DENIED');
    }
  }
});

test('POST /token speaks OAuth 2, with password and refresh token', async (t) => {
  const registry = await startTestRegistry(t);
  const post = (form: { [name: string]: string }) =>
    registry.anonymous.send('POST', '/token', {
      body: new URLSearchParams(form).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
  const login = {
    grant_type: 'password',
    username: admin.name,
    password: admin.password,
    service: 'img-registry',
  };
  const first = await post({ ...login, scope: 'repository:app:pull', access_type: 'offline' });
  t.is(first.status, 200);
  const { refresh_token } = first.json as { refresh_token: string };
  const second = await post({ grant_type: 'refresh_token', refresh_token, scope: 'repository:app:push' });
  t.like(second.json, { scope: 'repository:app:push', refresh_token });
  t.is(
    (await withToken(t, registry, second).send('POST', '/v2/app/blobs/uploads/')).status,
    401,
    'pull is missing',
  );
  const refused = [
    [{ ...login, password: 'wrong' }, 401],
    [{ ...login, username: 'nobody' }, 401],
    [{ grant_type: 'password' }, 401],
    [{ grant_type: 'refresh_token', refresh_token: (second.json as { token: string }).token }, 401],
    [{ grant_type: 'refresh_token' }, 401],
    [{ grant_type: 'client_credentials' }, 400],
    [{}, 400],
  ] as const;
  for (const [form, status] of refused) t.is((await post({ ...form })).status, status, JSON.stringify(form));
  t.is((await post({ ...login, padding: 'x'.repeat(70_000) })).status, 413);
});

test('offline_token=true gives a refresh token, to users only', async (t) => {
  const registry = await startTestRegistry(t);
  const ask = (headers: { [name: string]: string }) =>
    registry.anonymous.send('GET', '/token?service=img-registry&offline_token=true&account=admin', {
      headers,
    });
  t.is(
    typeof ((await ask({ authorization: credentials })).json as { refresh_token: unknown }).refresh_token,
    'string',
  );
  t.is(((await ask({})).json as { refresh_token: unknown }).refresh_token, undefined);
});

const wrong = [
  [basic('admin', 'wrong'), 'wrong password'],
  [basic('admin', ''), 'no password'],
  [basic('nobody', admin.password), 'no such user'],
  [basic('', admin.password), 'no name'],
  ['Basic !!!', 'no base64'],
  ['Basic', 'nothing'],
  [`Basic ${Buffer.from('admin').toString('base64')}`, 'no colon'],
  ['Bearer a.b.c', 'no token of ours'],
  ['Bearer', 'no token'],
  ['Digest username="admin"', 'another scheme'],
  ['x'.repeat(5000), 'a long one'],
] as const;

test('wrong credentials are answered 401, everywhere', async (t) => {
  let now = Date.now();
  const { anonymous } = await startTestRegistry(t, { clock: () => now });
  for (const [authorization, reason] of wrong) {
    for (const path of ['/v2/', '/token?scope=repository:app:pull', '/v2/app/tags/list']) {
      now += 60_000;
      const answer = await anonymous.send('GET', path, { headers: { authorization } });
      t.is(answer.status, 401, `${path}: ${reason}`);
      t.is(answer.code, 'UNAUTHORIZED');
      t.truthy(answer.headers['www-authenticate']);
    }
  }
});

test('after ten wrong passwords an address has to wait, the right one included, tokens not', async (t) => {
  let now = Date.now();
  const registry = await startTestRegistry(t, { clock: () => now });
  const { anonymous } = registry;
  const token = withToken(t, registry, await getToken(registry, ['repository:app:pull'], credentials));
  now += 61_000;
  const attempt = (password: string) =>
    anonymous.send('GET', '/token', { headers: { authorization: basic(admin.name, password) } });
  const statuses = [];
  for (let index = 0; index < 10; index += 1) statuses.push((await attempt(`wrong ${index}`)).status);
  t.deepEqual(statuses, Array(10).fill(401));
  const refused = await attempt(admin.password);
  t.is(refused.status, 429);
  t.is(refused.code, 'TOOMANYREQUESTS');
  t.is(refused.headers['retry-after'], '6');
  t.is((await token.send('GET', '/v2/')).status, 200);
  now += 6000;
  t.is((await attempt(admin.password)).status, 200);
});

test('many requests at once with the right password are one log-in', async (t) => {
  const { running } = await startTestRegistry(t);
  const statuses = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const client = new TestClient(running.url, credentials);
      t.teardown(() => client.close());
      return (await client.send('GET', '/v2/')).status;
    }),
  );
  t.deepEqual(new Set(statuses), new Set([200]));
});

test('a right password is not forgotten between requests, and a changed one at once', async (t) => {
  const registry = await startTestRegistry(t);
  t.is((await registry.client.send('GET', '/v2/')).status, 200);
  t.is((await registry.client.send('GET', '/v2/')).status, 200);
  await startTestRegistry(t, {
    dataFolder: registry.folder,
    administrator: { name: admin.name, password: 'battery staple' },
  });
  t.is((await registry.client.send('GET', '/v2/')).status, 401);
});

test('an expired token is refused, and so is one of before', async (t) => {
  let now = Date.now();
  const registry = await startTestRegistry(t, { clock: () => now });
  const bearer = withToken(t, registry, await getToken(registry, [], credentials));
  t.is((await bearer.send('GET', '/v2/')).status, 200);
  now += 301_000;
  const answer = await bearer.send('GET', '/v2/');
  t.is(answer.status, 401);
  t.regex(answer.headers['www-authenticate'] ?? '', /error="invalid_token"/);
});

test('the challenge follows the Host header, the proxy or the public URL, never blindly', async (t) => {
  const plain = await startTestRegistry(t);
  const realm = async ({ anonymous }: TestRegistry, headers: { [name: string]: string }) => {
    const { headers: answer } = await anonymous.send('GET', '/v2/', { headers });
    return /realm="([^"]*)"/.exec(answer['www-authenticate'] ?? '')?.[1];
  };
  const forwarded = { 'x-forwarded-host': 'registry.example.com', 'x-forwarded-proto': 'https' };
  t.is(await realm(plain, { host: 'registry.test:99' }), 'http://registry.test:99/token');
  t.is(await realm(plain, forwarded), `${plain.running.url}/token`);
  t.is(
    await realm(await startTestRegistry(t, { isBehindProxy: true }), forwarded),
    'https://registry.example.com/token',
  );
  const named = await startTestRegistry(t, { publicUrl: 'https://img.example.com' });
  t.is(await realm(named, { host: 'evil.test' }), 'https://img.example.com/token');
  const evil = await plain.anonymous.send('GET', '/v2/', { headers: { host: 'a"b,c' } });
  t.is(evil.status, 400);
});

test('every route asks for credentials, by every method', async (t) => {
  const { anonymous } = await startTestRegistry(t, { anonymousPull: [parseNamePrefix('*')] });
  for (const { path, methods } of Object.values(routeTable)) {
    const filled = path
      .replace('{name}', 'app')
      .replace('{digest}', digest)
      .replace('{reference}', 'v1')
      .replace('{session}', 'x');
    for (const method of Object.keys(methods)) {
      t.is((await anonymous.send(method, filled)).status, 401, `${method} ${filled}`);
    }
  }
});

async function getToken(
  { anonymous }: TestRegistry,
  scopes: readonly string[],
  authorization?: string,
): Promise<Answer> {
  const query = new URLSearchParams({ service: 'img-registry' });
  for (const scope of scopes) query.append('scope', scope);
  return anonymous.send(
    'GET',
    `/token?${query}`,
    authorization === undefined ? {} : { headers: { authorization } },
  );
}

function withToken(
  t: { teardown(work: () => Promise<void>): void },
  { running }: TestRegistry,
  answer: Answer,
): TestClient {
  const client = new TestClient(running.url, `Bearer ${(answer.json as { token: string }).token}`);
  t.teardown(() => client.close());
  return client;
}
