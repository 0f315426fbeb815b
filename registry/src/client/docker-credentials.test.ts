import { chmodSync, lstatSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { parseRegistryHost } from '@img/spec/registry-host';
import test, { type ExecutionContext } from 'ava';
import { dockerConfigPath } from './docker-config.ts';
import { DockerCredentials } from './docker-credentials.ts';

const host = parseRegistryHost('registry.example.com:5000');
const hub = parseRegistryHost('docker.io');
const auth = Buffer.from('alice:secret:with:colons').toString('base64');
const alice = { kind: 'password', username: 'alice', password: 'secret:with:colons' } as const;

type Place = { readonly credentials: DockerCredentials; readonly folder: string; readonly path: string };

function setUp(t: ExecutionContext, config?: unknown): Place {
  const folder = temporaryFolder(t);
  const path = join(folder, 'config.json');
  if (config !== undefined) writeFileSync(path, typeof config === 'string' ? config : JSON.stringify(config));
  const environment = {
    DOCKER_CONFIG: folder,
    PATH: `${folder}:${process.env['PATH']}`,
    LOG: join(folder, 'log'),
  };
  return { credentials: new DockerCredentials({ environment, home: '/nowhere' }), folder, path };
}

/** A helper program that answers in a given way, and writes down what it was asked. */
function addHelper(folder: string, name: string, script: string): void {
  const path = join(folder, `docker-credential-${name}`);
  writeFileSync(path, `#!/bin/sh\ninput=$(cat)\nprintf '%s %s\\n' "$1" "$input" >> "$LOG"\n${script}\n`);
  chmodSync(path, 0o755);
}

const logOf = ({ folder }: Place) => readFileSync(join(folder, 'log'), 'utf8');

test('dockerConfigPath() is in DOCKER_CONFIG, else in the home folder', (t) => {
  t.is(dockerConfigPath({ DOCKER_CONFIG: '/x' }, '/home/me'), '/x/config.json');
  t.is(dockerConfigPath({ DOCKER_CONFIG: '' }, '/home/me'), '/home/me/.docker/config.json');
  t.is(dockerConfigPath({}, '/home/me'), '/home/me/.docker/config.json');
});

for (const [why, config, asked, expected] of [
  ['no file', undefined, host, undefined],
  ['an empty file', '', host, undefined],
  ['no entry', { auths: {} }, host, undefined],
  ['an entry of another registry', { auths: { 'registry.example.com': { auth } } }, host, undefined],
  ['auth', { auths: { [host]: { auth } } }, host, alice],
  [
    'auth that Docker padded',
    { auths: { [host]: { auth: padded('alice:x') } } },
    host,
    { ...alice, password: 'x' },
  ],
  ['an URL as key', { auths: { [`https://${host}/v2/`]: { auth } } }, host, alice],
  [
    'user name and password',
    { auths: { [host]: { username: 'alice', password: 'x' } } },
    host,
    { ...alice, password: 'x' },
  ],
  ['an empty entry, which Docker writes for helpers', { auths: { [host]: {} } }, host, undefined],
  ['null', { auths: { [host]: null } }, host, undefined],
  [
    'an identity token',
    { auths: { [host]: { auth, identitytoken: 'i' } } },
    host,
    { kind: 'identity token', token: 'i' },
  ],
  [
    'a registry token',
    { auths: { [host]: { registrytoken: 'r' } } },
    host,
    { kind: 'registry token', token: 'r' },
  ],
  ["Docker Hub's own key", { auths: { 'https://index.docker.io/v1/': { auth } } }, hub, alice],
  ['Docker Hub by its name', { auths: { 'docker.io': { auth } } }, hub, alice],
] as const) {
  test(`get() reads ${why}`, async (t) => {
    t.deepEqual(await setUp(t, config).credentials.get(asked), expected);
  });
}

for (const [why, config] of [
  ['no JSON', 'hello'],
  ['a list', '[]'],
  ['auths that are a list', { auths: [] }],
  ['an entry that is a string', { auths: { [host]: 'alice' } }],
  ['auth that is no base64 of a pair', { auths: { [host]: { auth: 'YWxpY2U=' } } }],
  ['auth without a user', { auths: { [host]: { auth: Buffer.from(':x').toString('base64') } } }],
  ['auth that is a number', { auths: { [host]: { auth: 1 } } }],
  ['a helper that is a number', { credsStore: 1 }],
  ['a helper that is a path', { credsStore: '../../bin/sh' }],
] as const) {
  test(`get() refuses ${why}, naming no secret`, async (t) => {
    const place = setUp(t, config);
    const error = await t.throwsAsync(place.credentials.get(host), { code: 'CREDENTIALS_INVALID' });
    t.false(error?.message.includes('YWxpY2U='));
  });
}

test('store() writes for its owner only and keeps everything else in the file', async (t) => {
  const place = setUp(t, {
    psFormat: 'x',
    auths: { 'other.example.com': { auth: 'b3RoZXI6eA==' } },
    plugins: { a: [1] },
  });
  t.is(await place.credentials.store(host, alice), place.path);
  t.deepEqual(JSON.parse(readFileSync(place.path, 'utf8')), {
    psFormat: 'x',
    auths: { 'other.example.com': { auth: 'b3RoZXI6eA==' }, [host]: { auth } },
    plugins: { a: [1] },
  });
  t.is(statSync(place.path).mode & 0o777, 0o600);
  t.deepEqual(await place.credentials.get(host), alice);
});

test('store() makes the folder and the file', async (t) => {
  const home = temporaryFolder(t);
  const credentials = new DockerCredentials({ environment: {}, home });
  const path = await credentials.store(hub, alice);
  t.is(path, join(home, '.docker', 'config.json'));
  t.is(statSync(join(home, '.docker')).mode & 0o777, 0o700);
  t.deepEqual(Object.keys(JSON.parse(readFileSync(path, 'utf8')).auths), ['https://index.docker.io/v1/']);
});

test('store() replaces other spellings of the same registry', async (t) => {
  const place = setUp(t, { auths: { [`https://${host}/v1/`]: { auth: 'b2xkOm9sZA==' } } });
  await place.credentials.store(host, alice);
  t.deepEqual(JSON.parse(readFileSync(place.path, 'utf8')), { auths: { [host]: { auth } } });
});

test('store() writes through a symbolic link', async (t) => {
  const place = setUp(t);
  mkdirSync(join(place.folder, 'dotfiles'));
  const target = join(place.folder, 'dotfiles', 'docker.json');
  writeFileSync(target, '{}');
  symlinkSync(target, place.path);
  await place.credentials.store(host, alice);
  t.true(lstatSync(place.path).isSymbolicLink());
  t.true(readFileSync(target, 'utf8').includes(auth));
});

for (const username of ['', 'a:b']) {
  test(`store() refuses the user name ${JSON.stringify(username)}`, async (t) => {
    const place = setUp(t);
    await t.throwsAsync(place.credentials.store(host, { username, password: 'x' }), {
      code: 'CREDENTIALS_INVALID',
    });
  });
}

test('erase() forgets the registry and nothing else', async (t) => {
  const place = setUp(t, { auths: { [host]: { auth }, 'other.example.com': { auth } }, detachKeys: 'x' });
  t.true(await place.credentials.erase(host));
  t.deepEqual(JSON.parse(readFileSync(place.path, 'utf8')), {
    auths: { 'other.example.com': { auth } },
    detachKeys: 'x',
  });
  t.false(await place.credentials.erase(host));
  t.is(await place.credentials.get(host), undefined);
});

test('erase() of nothing writes nothing', async (t) => {
  const place = setUp(t);
  t.false(await place.credentials.erase(host));
  t.throws(() => statSync(place.path));
});

test('get() asks the helper of the registry, or else the one of all registries', async (t) => {
  const place = setUp(t, { credsStore: 'all', credHelpers: { [host]: 'own' } });
  addHelper(place.folder, 'own', `echo '{"ServerURL":"x","Username":"alice","Secret":"secret:with:colons"}'`);
  addHelper(place.folder, 'all', `echo '{"Username":"<token>","Secret":"refresh"}'`);
  t.deepEqual(await place.credentials.get(host), alice);
  t.deepEqual(await place.credentials.get(hub), { kind: 'identity token', token: 'refresh' });
  t.is(logOf(place), `get ${host}\nget https://index.docker.io/v1/\n`);
});

test('get() is undefined where the helper has nothing', async (t) => {
  const place = setUp(t, { credsStore: 'all' });
  addHelper(place.folder, 'all', 'echo "credentials not found in native keychain"; exit 1');
  t.is(await place.credentials.get(host), undefined);
  addHelper(place.folder, 'all', `echo '{"Username":"","Secret":""}'`);
  t.is(await place.credentials.get(host), undefined);
});

for (const [why, script] of [
  ['fails', 'echo "the keychain is locked"; exit 2'],
  ['answers no JSON', 'echo hello'],
  ['answers a list', 'echo []'],
  ['answers without end', 'yes hello'],
  ['is killed', 'kill -9 $$'],
] as const) {
  test(`get() fails where the helper ${why}`, async (t) => {
    const place = setUp(t, { credsStore: 'all' });
    addHelper(place.folder, 'all', script);
    const error = await t.throwsAsync(place.credentials.get(host), { code: 'CREDENTIAL_HELPER_FAILED' });
    t.true(error?.message.includes('docker-credential-all get'));
  });
}

test('get() says which helper is not installed', async (t) => {
  const place = setUp(t, { credsStore: 'absent' });
  await t.throwsAsync(place.credentials.get(host), {
    code: 'CREDENTIAL_HELPER_FAILED',
    message: /could not run docker-credential-absent get/,
  });
});

test('get() ends a helper that waits when it is aborted', async (t) => {
  const place = setUp(t, { credsStore: 'all' });
  addHelper(place.folder, 'all', 'echo $$ > "$LOG.pid"; exec sleep 1000');
  const controller = new AbortController();
  const asked = place.credentials.get(host, { signal: controller.signal });
  setImmediate(() => controller.abort(new Error('stop')));
  await t.throwsAsync(asked, { message: 'stop' });
});

test('store() and erase() go to the helper, and no secret into the file', async (t) => {
  const place = setUp(t, { credsStore: 'all' });
  addHelper(place.folder, 'all', 'exit 0');
  t.is(await place.credentials.store(host, alice), 'docker-credential-all');
  t.deepEqual(JSON.parse(readFileSync(place.path, 'utf8')), { credsStore: 'all', auths: { [host]: {} } });
  t.true(await place.credentials.erase(host));
  const [stored, erased] = logOf(place).trim().split('\n');
  t.deepEqual(JSON.parse(stored?.slice('store '.length) ?? ''), {
    ServerURL: host,
    Username: 'alice',
    Secret: 'secret:with:colons',
  });
  t.is(erased, `erase ${host}`);
});

test('store() fails where the helper does, and writes nothing', async (t) => {
  const place = setUp(t, { credsStore: 'all' });
  addHelper(place.folder, 'all', 'exit 1');
  await t.throwsAsync(place.credentials.store(host, alice), { code: 'CREDENTIAL_HELPER_FAILED' });
  t.deepEqual(JSON.parse(readFileSync(place.path, 'utf8')), { credsStore: 'all' });
});

function padded(text: string): string {
  return Buffer.from(`${text}\0\0`).toString('base64');
}
