import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { parseRegistryHost } from '@img/spec/registry-host';
import { parseTag } from '@img/spec/tag';
import test from 'ava';
import { makeCertificate } from '../testing/certificate.ts';
import { testImage } from '../testing/content.ts';
import { onRoute, redirectTo } from '../testing/misbehaviours.ts';
import { quickRetry } from '../testing/quick-retry.ts';
import { refuse } from '../testing/registry-double.ts';
import { app, clientOf, startDouble } from '../testing/start-double.ts';
import { RegistryClient } from './registry-client.ts';

const tag = parseTag('1.0');

test('check() is content with a registry that lets everybody in', async (t) => {
  const double = await startDouble(t);
  await t.notThrowsAsync(clientOf(t, double).check());
});

test('a client that is closed asks nothing anymore, also if it has never asked', async (t) => {
  for (const isUsed of [false, true]) {
    const double = await startDouble(t);
    const client = clientOf(t, double);
    if (isUsed) await client.check();
    await client.close();
    double.requests.length = 0;
    await t.throwsAsync(client.check(), { code: 'REGISTRY_UNREACHABLE' });
    t.deepEqual(double.requests, []);
  }
});

test('an error names the request, the registry, the status and what the registry said', async (t) => {
  const double = await startDouble(t);
  double.misbehave(({ response }) => {
    response.writeHead(418, { 'content-type': 'application/json' });
    response.end('{"errors":[{"code":"DENIED","message":"quota \\u001b[31mreached"}]}');
    return true;
  });
  const error = await t.throwsAsync(clientOf(t, double).repository(app, 'pull').getManifest(tag), {
    code: 'REQUEST_REFUSED',
  });
  t.is(
    error?.message,
    `could not get manifest 1.0 of ${double.host}/${app}: 418 DENIED "quota \\u001b[31mreached"`,
  );
});

for (const [why, body, expected] of [
  ['nothing', '', /: 400 Bad Request$/],
  ['text', 'go away', /: 400 "go away"$/],
  ['an unknown code', '{"errors":[{"code":"ODD","message":"x"}]}', /: 400 "ODD" "x"$/],
  ['an error without message', '{"errors":[{"code":"DENIED"}]}', /: 400 DENIED ""$/],
  ['no errors', '{"errors":[]}', /: 400 "\{\\"errors\\":\[\]\}"$/],
  ['something else', '[1]', /: 400 "\[1\]"$/],
  ['more than anybody reads', 'x'.repeat(1_000_000), /: 400 Bad Request$/],
] as const) {
  test(`an error body of ${why} is shown as far as it says something`, async (t) => {
    const double = await startDouble(t);
    double.misbehave(({ response }) => {
      response.writeHead(400).end(body);
      return true;
    });
    await t.throwsAsync(clientOf(t, double).check(), { code: 'REQUEST_REFUSED', message: expected });
  });
}

for (const [status, code] of [
  [401, 'ACCESS_DENIED'],
  [403, 'ACCESS_DENIED'],
  [404, 'CONTENT_MISSING'],
  [429, 'TOO_MANY_REQUESTS'],
  [500, 'REGISTRY_FAILED'],
  [503, 'REGISTRY_FAILED'],
  [400, 'REQUEST_REFUSED'],
  [204, 'REQUEST_REFUSED'],
] as const) {
  test(`status ${status} becomes ${code}`, async (t) => {
    const double = await startDouble(t);
    double.misbehave(({ response }) => {
      response.writeHead(status).end();
      return true;
    });
    await t.throwsAsync(clientOf(t, double).check(), { code });
    const isRetried = status === 429 || status >= 500;
    t.is(double.requests.length, isRetried ? quickRetry.attempts : 1);
  });
}

test('a registry that is busy is asked again after the pause that it wants', async (t) => {
  const double = await startDouble(t);
  double.misbehaveTimes(2, ({ response }) => {
    response.setHeader('retry-after', '0');
    refuse(response, 429, 'TOOMANYREQUESTS');
    return true;
  });
  await clientOf(t, double).check();
  t.is(double.requests.length, 3);
});

test('a registry that wants a long pause is not waited for', async (t) => {
  const double = await startDouble(t);
  double.misbehave(({ response }) => {
    response.setHeader('retry-after', '3600');
    refuse(response, 429, 'TOOMANYREQUESTS');
    return true;
  });
  const error = await t.throwsAsync(clientOf(t, double).check(), { code: 'TOO_MANY_REQUESTS' });
  t.is((error as { hint?: string }).hint, 'the registry asks to wait for 3600 s');
  t.is(double.requests.length, 1);
});

test('a connection that breaks before the answer is tried again', async (t) => {
  const double = await startDouble(t);
  double.misbehaveTimes(2, ({ response }) => {
    response.destroy();
    return true;
  });
  await clientOf(t, double).check();
  t.is(double.requests.length, 3);
});

test('a registry that always hangs up is unreachable', async (t) => {
  const double = await startDouble(t);
  double.misbehave(({ response }) => {
    response.destroy();
    return true;
  });
  await t.throwsAsync(clientOf(t, double).check(), { code: 'REGISTRY_UNREACHABLE' });
});

test('a registry that is not started is an error at once, with a hint', async (t) => {
  const double = await startDouble(t);
  const { host } = double;
  await double[Symbol.asyncDispose]();
  const client = new RegistryClient(host);
  t.teardown(() => client.close());
  const error = await t.throwsAsync(client.check(), { code: 'REGISTRY_UNREACHABLE' });
  t.is((error as { hint?: string }).hint, `nothing listens at ${host}; is the registry started?`);
});

test('a registry that has answered is waited for while it is started again', async (t) => {
  const server = createHttpServer((_, response) => void response.end('{}'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const random = () => {
    // The pause before the next try.
    if (!server.listening) server.listen(port, '127.0.0.1');
    return 0;
  };
  const client = new RegistryClient(parseRegistryHost(`127.0.0.1:${port}`), {
    retry: { ...quickRetry, random },
  });
  t.teardown(async () => {
    await client.close();
    server.close();
  });
  await client.check();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  await t.notThrowsAsync(client.check());
});

test('something that does not speak HTTP is an invalid answer', async (t) => {
  const server = createServer((socket) => socket.end('220 mail.example.com ESMTP\r\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const host = parseRegistryHost(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  const client = new RegistryClient(host, { retry: quickRetry });
  t.teardown(() => client.close());
  await t.throwsAsync(client.check(), { code: 'ANSWER_INVALID' });
});

test('a redirect within the registry is followed with its credentials', async (t) => {
  const double = await startDouble(t);
  const { manifest } = testImage([]);
  double.addManifest('moved', manifest.bytes, manifest.descriptor.mediaType, tag);
  double.misbehave(({ url, response }) => {
    if (url.pathname !== `/v2/${app}/manifests/1.0`) return false;
    response.writeHead(301, { location: '/v2/moved/manifests/1.0' }).end();
    return true;
  });
  const token = { kind: 'registry token', token: 'x' } as const;
  double.misbehave(({ request, response }) => {
    if (request.headers.authorization === 'Bearer x') return false;
    response.setHeader('www-authenticate', `Bearer realm="${double.url}/token"`);
    refuse(response, 401, 'UNAUTHORIZED');
    return true;
  });
  const client = clientOf(t, double, { credentials: async () => token });
  t.is(
    (await client.repository(app, 'pull').getManifest(tag))?.descriptor.digest,
    manifest.descriptor.digest,
  );
});

test('redirects in a circle end', async (t) => {
  const double = await startDouble(t);
  double.misbehave(redirectTo('base', '/v2/'));
  await t.throwsAsync(clientOf(t, double).check(), { code: 'REDIRECT_LOOP' });
  t.is(double.requests.length, 6);
});

for (const [why, target] of [
  ['plain http on the network', 'http://cdn.example.com/x'],
  ['another protocol', 'ftp://127.0.0.1/x'],
  ['a URL with a password', 'http://me:secret@127.0.0.1:1/x'],
] as const) {
  test(`a redirect to ${why} is refused`, async (t) => {
    const double = await startDouble(t);
    double.misbehave(redirectTo('manifest', target));
    await t.throwsAsync(clientOf(t, double).repository(app, 'pull').getManifest(tag), {
      code: 'REDIRECT_REFUSED',
    });
  });
}

test('a redirect to nothing that is a URL is an invalid answer', async (t) => {
  const double = await startDouble(t);
  double.misbehave(redirectTo('base', 'http://[::'));
  await t.throwsAsync(clientOf(t, double).check(), { code: 'ANSWER_INVALID' });
});

test('a write is not redirected to another host', async (t) => {
  const double = await startDouble(t);
  const other = await startDouble(t);
  double.misbehave(onRoute('manifest', redirectTo('manifest', `${other.url}/v2/x/manifests/1.0`), 'PUT'));
  const { manifest } = testImage([]);
  await t.throwsAsync(clientOf(t, double).repository(app, 'push').putManifest(manifest, { tag }), {
    code: 'REDIRECT_REFUSED',
  });
  t.deepEqual(other.requests, []);
});

test('a request ends when it is aborted, with the reason', async (t) => {
  const double = await startDouble(t);
  const controller = new AbortController();
  double.misbehave(() => {
    controller.abort(new Error('stopped by the user'));
    return true;
  });
  await t.throwsAsync(clientOf(t, double).check({ signal: controller.signal }), {
    message: 'stopped by the user',
  });
});

test('https is checked against the certificates given', async (t) => {
  if (!needsTool(t, 'openssl')) return;
  const { key, certificate } = makeCertificate(temporaryFolder(t), 'DNS:localhost');
  const certificates = readFileSync(certificate, 'utf8');
  const server = createTlsServer({ key: readFileSync(key), cert: certificates }, (_, response) => {
    response.writeHead(200).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  t.teardown(() => server.close());
  const host = parseRegistryHost(`localhost:${(server.address() as AddressInfo).port}`);
  const trusting = new RegistryClient(host, { scheme: 'https', certificates, retry: quickRetry });
  const careful = new RegistryClient(host, { scheme: 'https', retry: quickRetry });
  t.teardown(() => Promise.all([trusting.close(), careful.close()]));
  await t.notThrowsAsync(trusting.check());
  const error = await t.throwsAsync(careful.check(), { code: 'REGISTRY_UNREACHABLE' });
  t.regex((error as { hint?: string }).hint ?? '', /certificate of localhost:\d+ can't be verified/);
});

test('a registry that speaks plain http where https is expected is named as such', async (t) => {
  const double = await startDouble(t);
  const client = clientOf(t, double, { scheme: 'https' });
  const error = await t.throwsAsync(client.check(), { code: 'REGISTRY_UNREACHABLE' });
  t.regex((error as { hint?: string }).hint ?? '', /seems to speak plain http/);
});
