import { mediaTypes } from '@img/spec/media-types';
import { parseTag } from '@img/spec/tag';
import test from 'ava';
import { contentOf, testImage } from '../testing/content.ts';
import { redirectTo } from '../testing/misbehaviours.ts';
import { refuse } from '../testing/registry-double.ts';
import { app, clientOf, startDouble } from '../testing/start-double.ts';
import { addTokenService, type TokenRecord, tokenEndpoint } from '../testing/token-service.ts';
import type { Credentials } from './credentials.ts';
import { mayShowCredentials } from './token.ts';

const tag = parseTag('1.0');
const alice: Credentials = { kind: 'password', username: 'alice', password: 'secret: with colon' };
const known = { username: 'alice', password: 'secret: with colon' };

test('a request gets an anonymous token where the registry asks for one', async (t) => {
  const double = await startDouble(t);
  const records = addTokenService(double);
  const { manifest } = testImage(['layer']);
  double.addManifest(app, manifest.bytes, mediaTypes.ociManifest, tag);
  const found = await clientOf(t, double).repository(app, 'pull').getManifest(tag);
  t.is(found?.descriptor.digest, manifest.descriptor.digest);
  t.is(records.length, 1);
  t.is(records[0]?.authorization, undefined);
  t.is(records[0]?.parameters.get('service'), 'test');
  t.deepEqual(records[0]?.parameters.getAll('scope'), [`repository:${app}:pull`]);
});

test('a token is used until it is about to expire, and then replaced', async (t) => {
  const double = await startDouble(t);
  const records = addTokenService(double, { lifetimeSeconds: 60 });
  let now = 1_000_000;
  const repository = clientOf(t, double, { now: () => now }).repository(app, 'pull');
  await repository.getManifest(tag);
  now += 49_000;
  await repository.getManifest(tag);
  t.is(records.length, 1);
  now += 2000;
  await repository.getManifest(tag);
  t.is(records.length, 2);
});

test('requests at the same time share one token', async (t) => {
  const double = await startDouble(t);
  const records = addTokenService(double);
  const repository = clientOf(t, double).repository(app, 'pull');
  await Promise.all(Array.from({ length: 10 }, () => repository.getManifest(tag)));
  t.is(records.length, 1);
});

test('a token that the registry suddenly refuses is replaced once', async (t) => {
  const double = await startDouble(t);
  const records = addTokenService(double);
  const repository = clientOf(t, double).repository(app, 'pull');
  await repository.getManifest(tag);
  double.misbehaveTimes(1, ({ url, response }) => {
    if (url.pathname === '/token') return false;
    response.setHeader('www-authenticate', `Bearer realm="${double.url}/token",service="test"`);
    refuse(response, 401, 'UNAUTHORIZED');
    return true;
  });
  t.is(await repository.getManifest(tag), undefined);
  t.is(records.length, 2);
});

test('one token serves to push and to pull', async (t) => {
  const double = await startDouble(t);
  const records = addTokenService(double);
  const repository = clientOf(t, double).repository(app, 'push');
  const { manifest } = testImage([]);
  await repository.putManifest(manifest, { tag });
  await repository.getManifest(tag);
  t.is(records.length, 1);
  t.deepEqual(records[0]?.parameters.getAll('scope'), [`repository:${app}:pull,push`]);
});

test('a password goes to the token service by Basic and nowhere else', async (t) => {
  const double = await startDouble(t);
  const records = addTokenService(double, known);
  const client = clientOf(t, double, { credentials: async () => alice });
  await client.check();
  t.is(records[0]?.method, 'GET');
  t.is(records[0]?.authorization, `Basic ${Buffer.from('alice:secret: with colon').toString('base64')}`);
  t.is(records[0]?.parameters.get('account'), 'alice');
  t.false(double.requests.some((request) => request.includes('secret')));
  const sent = double.headers.map(({ authorization }) => authorization?.split(' ')[0]);
  t.deepEqual(sent, [undefined, 'Basic', 'Bearer']);
});

test('a password is posted to a token service that has no GET', async (t) => {
  const double = await startDouble(t);
  const records = addTokenService(double, { ...known, isPostOnly: true });
  await clientOf(t, double, { credentials: async () => alice }).check();
  t.deepEqual(
    records.map(({ method }) => method),
    ['GET', 'POST'],
  );
  t.is(records[1]?.parameters.get('grant_type'), 'password');
});

test('an identity token is posted as a refresh token', async (t) => {
  const double = await startDouble(t);
  const records = addTokenService(double, { identityToken: 'refresh me' });
  const credentials: Credentials = { kind: 'identity token', token: 'refresh me' };
  await clientOf(t, double, { credentials: async () => credentials }).check();
  t.deepEqual(
    records.map(({ method }) => method),
    ['POST'],
  );
  t.is(records[0]?.parameters.get('grant_type'), 'refresh_token');
});

test('a registry token is sent as it is, without asking for another', async (t) => {
  const double = await startDouble(t);
  const records = addTokenService(double);
  const token = Buffer.from(`repository:${app}:pull`).toString('base64url');
  const client = clientOf(t, double, { credentials: async () => ({ kind: 'registry token', token }) });
  t.is(await client.repository(app, 'pull').getManifest(tag), undefined);
  t.deepEqual(records, []);
});

test('Basic is answered with the password, once the registry asks for it', async (t) => {
  const double = await startDouble(t);
  const expected = `Basic ${Buffer.from('alice:secret: with colon').toString('base64')}`;
  double.misbehave(({ request, response }) => {
    if (request.headers.authorization === expected) return false;
    response.setHeader('www-authenticate', 'Basic realm="registry"');
    refuse(response, 401, 'UNAUTHORIZED');
    return true;
  });
  const client = clientOf(t, double, { credentials: async () => alice });
  await client.check();
  await client.check();
  t.deepEqual(
    double.headers.map(({ authorization }) => authorization),
    [undefined, expected, expected],
  );
});

test('credentials are looked up only when a registry asks, and once', async (t) => {
  const double = await startDouble(t);
  let lookups = 0;
  const client = clientOf(t, double, {
    credentials: async () => {
      lookups += 1;
      return alice;
    },
  });
  await client.check();
  t.is(lookups, 0);
  addTokenService(double, known);
  await client.check();
  await client.check();
  t.is(lookups, 1);
});

test('wrong credentials are an error that says how to log in again', async (t) => {
  const double = await startDouble(t);
  addTokenService(double, { username: 'alice', password: 'another' });
  const error = await t.throwsAsync(clientOf(t, double, { credentials: async () => alice }).check(), {
    code: 'LOGIN_FAILED',
  });
  t.regex(error?.message ?? '', /401 UNAUTHORIZED "test: unauthorized": the credentials were not accepted/);
  t.is((error as { hint?: string }).hint, `log in again with: img login ${double.host}`);
});

test('no credentials where some are needed are an error that says how to log in', async (t) => {
  const double = await startDouble(t);
  addTokenService(double, known);
  const error = await t.throwsAsync(clientOf(t, double).check(), { code: 'ACCESS_DENIED' });
  t.is((error as { hint?: string }).hint, `log in with: img login ${double.host}`);
});

test('a refusal in spite of a token ends after the scopes were asked for again', async (t) => {
  const double = await startDouble(t);
  const records: TokenRecord[] = [];
  double.misbehave(tokenEndpoint({}, records));
  double.misbehave(({ response, url }) => {
    if (url.pathname === '/token') return false;
    const challenge = `Bearer realm="${double.url}/token",scope="repository:${app}:pull repository:other:pull"`;
    response.setHeader('www-authenticate', challenge);
    refuse(response, 401, 'DENIED');
    return true;
  });
  await t.throwsAsync(clientOf(t, double).repository(app, 'pull').getManifest(tag), {
    code: 'ACCESS_DENIED',
  });
  t.deepEqual(records.at(-1)?.parameters.getAll('scope'), [
    `repository:${app}:pull`,
    'repository:other:pull',
  ]);
  t.is(records.length, 2);
});

for (const [why, body, status, code] of [
  ['no JSON', '<html>', 200, 'TOKEN_REFUSED'],
  ['no token in it', '{}', 200, 'TOKEN_REFUSED'],
  ['a token that is no string', '{"token":1}', 200, 'TOKEN_REFUSED'],
  ['a token that would add a header', '{"token":"a\\r\\nx: y"}', 200, 'TOKEN_REFUSED'],
  ['an empty token', '{"token":""}', 200, 'TOKEN_REFUSED'],
  ['a negative lifetime', '{"token":"a","expires_in":-1}', 200, 'TOKEN_REFUSED'],
  ['more than any token needs', JSON.stringify({ token: 'a'.repeat(100_000) }), 200, 'ANSWER_TOO_LONG'],
  ['a redirect, which would carry the password along', '', 307, 'TOKEN_REFUSED'],
  ['that it is not there', '', 404, 'TOKEN_REFUSED'],
  ['a failure of its own', '', 500, 'REGISTRY_FAILED'],
] as const) {
  test(`a token service that answers with ${why} is refused`, async (t) => {
    const double = await startDouble(t);
    addTokenService(double);
    double.misbehave(({ url, response }) => {
      if (url.pathname !== '/token') return false;
      response.writeHead(status, status === 307 ? { location: '/elsewhere' } : {}).end(body);
      return true;
    });
    await t.throwsAsync(clientOf(t, double).check(), { code });
    t.is(double.count(/elsewhere/), 0);
  });
}

test('a token service that is busy is asked again', async (t) => {
  const double = await startDouble(t);
  const records = addTokenService(double);
  double.misbehaveTimes(2, ({ url, response }) => {
    if (url.pathname !== '/token') return false;
    response.setHeader('retry-after', '0');
    refuse(response, 429, 'TOOMANYREQUESTS');
    return true;
  });
  await clientOf(t, double).check();
  t.is(records.length, 1);
});

for (const [why, realm, code] of [
  ['plain http on the network', 'http://tokens.example.com/', 'REDIRECT_REFUSED'],
  ['a file', 'file:///etc/passwd', 'REDIRECT_REFUSED'],
  ['no URL', 'here', 'TOKEN_REFUSED'],
] as const) {
  test(`a realm that is ${why} is refused before anything is sent`, async (t) => {
    const double = await startDouble(t);
    addTokenService(double, { realm });
    const client = clientOf(t, double, { credentials: async () => alice });
    await t.throwsAsync(client.check(), { code });
  });
}

for (const [why, origin, realm, isShown] of [
  ['the registry itself', 'https://r.example.com', 'https://r.example.com/token', true],
  ['another port of its host', 'http://127.0.0.1:5000', 'http://127.0.0.1:5001/token', true],
  ['another host over https, named over https', 'https://r.example.com', 'https://auth.example.net/', true],
  [
    'another host over https, named by this machine',
    'http://127.0.0.1:5000',
    'https://auth.example.net/',
    true,
  ],
  ['another host over http', 'https://r.example.com', 'http://auth.example.net/', false],
  [
    'another host, named over a network that others write to',
    'http://r.lan',
    'https://auth.example.net/',
    false,
  ],
  ['the same plain host, as the user wanted', 'http://r.lan', 'http://r.lan:81/token', true],
] as const) {
  test(`mayShowCredentials() is ${isShown} for ${why}`, (t) => {
    const endpoint = { host: 'r.example.com' as never, origin };
    t.is(mayShowCredentials(endpoint, new URL(realm)), isShown);
  });
}

test('a redirect to another host loses the Authorization header and keeps the range', async (t) => {
  const double = await startDouble(t);
  const other = await startDouble(t);
  addTokenService(double);
  const { descriptor, bytes } = contentOf('0123456789');
  other.addBlob(bytes);
  double.misbehave(redirectTo('blob', `${other.url}/v2/cdn/blobs/${descriptor.digest}`));
  const repository = clientOf(t, double).repository(app, 'pull');
  await repository.getManifest(tag);
  const chunks: Uint8Array[] = [];
  for await (const chunk of repository.getBlob(descriptor, { offset: 4 })) chunks.push(chunk);
  t.is(Buffer.concat(chunks).toString(), '456789');
  const sent = other.headers[0];
  t.is(sent?.authorization, undefined);
  t.is(sent?.range, 'bytes=4-');
  t.regex(double.headers.at(-1)?.authorization ?? '', /^Bearer /);
});

test('a redirect that comes back from another host is not trusted with the token again', async (t) => {
  const double = await startDouble(t);
  const other = await startDouble(t);
  addTokenService(double);
  const { descriptor } = contentOf('content');
  other.misbehave(redirectTo('blob', `${double.url}/v2/private/blobs/${descriptor.digest}`));
  double.misbehave((exchange) => {
    return (
      exchange.route?.name === app &&
      redirectTo('blob', `${other.url}/v2/x/blobs/${descriptor.digest}`)(exchange)
    );
  });
  const repository = clientOf(t, double).repository(app, 'pull');
  await repository.getManifest(tag);
  await t.throwsAsync(Array.fromAsync(repository.getBlob(descriptor)), { code: 'ACCESS_DENIED' });
  const returned = double.requests.findIndex((line) => line.includes('/v2/private/'));
  t.true(returned > 0);
  t.is(double.headers[returned]?.authorization, undefined);
  // Nor is a token for what the other host wanted to see asked for.
  t.is(double.count(/GET \/token/), 1);
});

test('a challenge from another host is not answered', async (t) => {
  const double = await startDouble(t);
  const other = await startDouble(t);
  const records = addTokenService(other, known);
  const { descriptor, bytes } = contentOf('content');
  other.addBlob(bytes);
  double.misbehave(redirectTo('blob', `${other.url}/v2/cdn/blobs/${descriptor.digest}`));
  const repository = clientOf(t, double, { credentials: async () => alice }).repository(app, 'pull');
  await t.throwsAsync(
    async () => {
      for await (const chunk of repository.getBlob(descriptor)) t.fail(`${chunk.byteLength} bytes`);
    },
    { code: 'ACCESS_DENIED' },
  );
  t.deepEqual(records, []);
});
