import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { postgresServers } from '@img/registry/metadata/testing/postgres-servers';
import { s3Servers } from '@img/registry/storage/testing/s3-servers';
import { digestOf } from '@img/spec/digest';
import test from 'ava';
import { type Instance, newInstance } from '../testing/run-img.ts';
import { startServe as serve, stopServe as stop } from '../testing/serve-process.ts';

/** The same folders with more variables. */
function withVariables(instance: Instance, variables: { readonly [name: string]: string }): Instance {
  return { ...instance, variables: { ...instance.variables, ...variables } };
}

test('img serve answers, tells the made-up password once, and ends with 0 on SIGINT and SIGTERM', async (t) => {
  const instance = await newInstance(t);
  const first = await serve(t, instance);
  t.is((await fetch(`${first.served.url}/healthz`)).status, 200);
  t.is((await fetch(`${first.served.url}/v2/`)).status, 401);
  t.regex(first.served.administrator.newPassword ?? '', /^\S{16,}$/);
  t.is(await stop(first.child, 'SIGINT'), 0);
  const second = await serve(t, instance);
  t.deepEqual(second.served.administrator, { name: 'admin' });
  t.is(await stop(second.child, 'SIGTERM'), 0);
  t.is((await stat(join(instance.folder, 'root/registry'))).mode & 0o077, 0);
});

test('img serve takes the password from the environment and writes a log line for each request', async (t) => {
  const instance = await newInstance(t);
  const variables = { ...instance.variables, IMG_ADMIN_PASSWORD: 'long enough' };
  const words = ['--admin', 'root', '--data', 'data', '--log', 'log.json', '--public', 'com.example.'];
  const { child, served } = await serve(t, { ...instance, variables }, ...words);
  t.deepEqual(served.administrator, { name: 'root' });
  const authorization = `Basic ${btoa('root:long enough')}`;
  t.is((await fetch(`${served.url}/v2/_catalog`, { headers: { authorization } })).status, 200);
  t.is(await stop(child, 'SIGTERM'), 0);
  const log = await readFile(join(instance.folder, 'log.json'), 'utf8');
  t.true(
    log
      .split('\n')
      .filter((line) => line !== '')
      .every((line) => typeof JSON.parse(line) === 'object'),
  );
  t.true(log.includes('/v2/_catalog'));
  t.false(log.includes('long enough') || log.includes(authorization));
});

test('img serve answers on where its log has no room, and says so once', async (t) => {
  const { child, served, said } = await serve(t, await newInstance(t), '--log', '/dev/full');
  for (let count = 0; count < 3; count += 1) t.is((await fetch(`${served.url}/v2/`)).status, 401);
  const lost = /warning: lines of the log "\/dev\/full" are lost: ENOSPC/g;
  await said(new RegExp(lost.source));
  t.is(await stop(child, 'SIGTERM'), 0);
  const { input } = await said(/^[\s\S]*$/);
  t.is(input.match(lost)?.length, 1);
});

test('img serve takes its options from a file of settings, those on the command line first', async (t) => {
  const instance = await newInstance(t);
  const lines = [
    'listen: 127.0.0.1:1',
    'metrics: 127.0.0.1:0',
    'admin: root',
    'data: data',
    'public: [com.example.]',
    'requests-per-second: 50',
  ];
  await mkdir(join(instance.folder, 'etc'));
  await writeFile(join(instance.folder, 'etc/registry.yaml'), lines.join('\n'));
  const { child, served } = await serve(t, instance, '--settings', 'etc/registry.yaml');
  t.is(served.administrator.name, 'root');
  t.regex(await (await fetch(served.metricsUrl as string)).text(), /^img_registry_uploads 0$/m);
  t.true((await stat(join(instance.folder, 'etc/data'))).isDirectory(), 'paths begin at the file');
  t.is(await stop(child, 'SIGTERM'), 0);
});

test('img serve says of each mistake in a file of settings where it is', async (t) => {
  const { run, folder } = await newInstance(t);
  const lines = [
    'listen: 0.0.0.0:70000',
    'behind-proxy: maybe',
    'uploads-at-once: 0',
    'workers: 100',
    'publicurl: x',
    'relay: x',
  ];
  await writeFile(join(folder, 'registry.yaml'), lines.join('\n'));
  const { code, stderr } = await run(['serve', '--settings', 'registry.yaml']);
  t.is(code, 2);
  for (const message of [
    /registry\.yaml:1:9: listen should be an address and a port/,
    /registry\.yaml:2:15: behind-proxy should be true or false, not "maybe"/,
    /registry\.yaml:3:18: uploads-at-once should be a whole number from 1/,
    /registry\.yaml:4:10: workers should be a whole number from 1 to 64/,
    /registry\.yaml:5:1: unknown key "publicurl"; did you mean "public-url"\?/,
    /registry\.yaml:6:8: relay should be a list of networks, not "x"/,
  ]) {
    t.regex(stderr, message);
  }
});

test('img registry scrub finds a damaged blob beside a registry that runs, and forgets it if asked', async (t) => {
  const instance = await newInstance(t);
  const { child, served } = await serve(t, instance);
  const content = Buffer.from('content');
  const authorization = `Basic ${btoa(`admin:${served.administrator.newPassword}`)}`;
  const digest = digestOf(content);
  const uploads = `${served.url}/v2/app/blobs/uploads/?digest=${digest}`;
  const pushed = await fetch(uploads, { method: 'POST', body: content, headers: { authorization } });
  t.is(pushed.status, 201);
  t.is((await instance.run(['registry', 'scrub'])).stdout, 'read 1 blob, 7 bytes: all sound\n');
  const storage = join(instance.folder, 'root/registry/storage');
  const entries = await readdir(storage, { recursive: true, withFileTypes: true });
  const [file] = entries.filter((entry) => entry.isFile());
  await writeFile(join(String(file?.parentPath), String(file?.name)), 'CONTENT');
  const found = await instance.run(['registry', 'scrub']);
  t.is(found.code, 1);
  t.is(found.stdout, `read 1 blob, 7 bytes: 1 not sound\n  damaged  ${digest}  in app\n`);
  t.regex(
    (await instance.run(['registry', 'scrub', '--data', 'none'])).stderr,
    /there is no registry in .*none/,
  );
  t.is((await instance.run(['registry', 'scrub', '--repair'])).code, 1);
  t.is((await instance.run(['registry', 'scrub'])).stdout, 'read 0 blobs, 0 bytes: all sound\n');
  const gone = await fetch(`${served.url}/v2/app/blobs/${digest}`, { headers: { authorization } });
  t.is(gone.status, 404);
  t.is(await stop(child, 'SIGTERM'), 0);
});

const refused: readonly [words: string[], code: number, stderr: RegExp, reason: string][] = [
  [['--listen', '5000'], 2, /It should be an address and a port, such as 0\.0\.0\.0:5000/, 'no address'],
  [['--listen', '127.0.0.1:70000'], 2, /It should be an address and a port/, 'a port that is too high'],
  [['--listen', '192.0.2.1:5000'], 1, /^img: can't listen on 192\.0\.2\.1/, 'an address of another machine'],
  [['--settings', 'none'], 2, /there is no file "none" of settings/, 'no file'],
  [['--tls-key', 'key.pem'], 2, /needs its key[\s\S]*hint: give --tls-certificate and/, 'no certificate'],
  [['--tls-key', 'x', '--tls-certificate', 'y'], 1, /can't use certificate y with key x/, 'no such files'],
  [['--keyring', 'none'], 2, /keyring "none" has no rule[\s\S]*hint: make one with/, 'an empty keyring'],
  [['--log', 'none/log'], 2, /^img: can't write a log to "none\/log".*ENOENT[\s\S]*hint: /, 'no folder'],
  [['--public', 'com..'], 2, /^img: prefix "com\.\." should be/, 'a wrong prefix'],
  [['--public-url', 'x'], 1, /^img: the public URL should be like/, 'a wrong URL'],
  [['--data', '/dev/null/x'], 1, /^img: can't use \/dev\/null\/x/, 'a folder that cannot be made'],
  [['--data', '/proc/nowhere'], 1, /^img: can't use \/proc\/nowhere/, 'Node would try for ever'],
];

for (const [words, code, message, reason] of refused) {
  test(`img serve ${words.join(' ')} is refused: ${reason}`, async (t) => {
    const { run } = await newInstance(t);
    const result = await run(['serve', ...words]);
    t.is(result.code, code);
    t.regex(result.stderr, message);
  });
}

const refusedStores: readonly [words: string[], code: number, stderr: RegExp, reason: string][] = [
  [['--storage', '/srv'], 2, /the storage should be like s3:\/\/bucket/, 'a folder'],
  [['--storage', 's3://images'], 2, /no credentials.*AWS_ACCESS_KEY_ID[\s\S]*hint: /, 'no credentials'],
  [['--database', 'mysql://a@b/c'], 2, /the database should be like postgres:/, 'another database'],
  [
    ['--database', 'postgres://a:b@localhost/c'],
    2,
    /everybody[\s\S]*hint: .*IMG_DATABASE/,
    'a visible password',
  ],
  [['--database', 'postgres://a@localhost:1/c'], 1, /ECONNREFUSED[\s\S]*hint: /, 'nothing listens'],
  [['--relay', 'example.com'], 1, /a network should be like 10\.0\.0\.0\/8/, 'no network'],
];

for (const [words, code, message, reason] of refusedStores) {
  test(`img serve ${words.join(' ')} is refused: ${reason}`, async (t) => {
    const { run } = await newInstance(t);
    const result = await run(['serve', '--listen', '127.0.0.1:0', ...words]);
    t.is(result.code, code, result.stderr);
    t.regex(result.stderr, message);
  });
}

for (const postgres of postgresServers()) {
  for (const s3 of s3Servers()) {
    test(`two img serve share ${postgres.name} and ${s3.name}: an upload of a killed one goes on at the other`, async (t) => {
      const { port, user, password, database } = await postgres.database();
      const { location, credentials } = await s3.bucket();
      const instance = await newInstance(t);
      const variables = {
        ...instance.variables,
        IMG_ADMIN_PASSWORD: 'long enough',
        IMG_DATABASE: `postgres://${user}:${password}@127.0.0.1:${port}/${database}`,
        IMG_STORAGE: `s3://${location.bucket}/${location.prefix}?endpoint=${location.endpoint.origin}`,
        AWS_ACCESS_KEY_ID: credentials.accessKey,
        AWS_SECRET_ACCESS_KEY: credentials.secretKey,
      };
      const [first, second] = [
        await serve(t, { ...instance, variables }),
        await serve(t, { ...instance, variables }),
      ];
      const authorization = `Basic ${btoa('admin:long enough')}`;
      const ask = (url: string, method: string, body?: Buffer<ArrayBuffer>) =>
        fetch(url, { method, headers: { authorization }, ...(body === undefined ? {} : { body }) });
      const content = Buffer.alloc(11_000_000, 'content of an upload that moves on ');
      const begun = await ask(`${first.served.url}/v2/app/blobs/uploads/`, 'POST');
      const path = begun.headers.get('location') as string;
      t.is((await ask(`${first.served.url}${path}`, 'PATCH', content.subarray(0, 8_000_000))).status, 202);
      await stop(first.child, 'SIGKILL');
      t.is((await ask(`${second.served.url}${path}`, 'PATCH', content.subarray(8_000_000))).status, 202);
      const digest = digestOf(content);
      t.is((await ask(`${second.served.url}${path}?digest=${digest}`, 'PUT')).status, 201);
      const blob = await ask(`${second.served.url}/v2/app/blobs/${digest}`, 'GET');
      t.is(digestOf(await blob.bytes()), digest);
      t.is(await stop(second.child, 'SIGTERM'), 0);
      await t.throwsAsync(stat(join(instance.folder, 'root/registry')), { code: 'ENOENT' });
    });
  }
}

test('img serve --settings copies another registry, as the name and with the password that are written there', async (t) => {
  const variables = { IMG_ADMIN_PASSWORD: 'long enough' };
  const instance = await newInstance(t);
  const upstream = await serve(t, withVariables(instance, variables), '--data', 'upstream');
  const authorization = `Basic ${btoa('admin:long enough')}`;
  const digest = digestOf(Buffer.from('content'));
  const path = `/v2/app/blobs/uploads/?digest=${digest}`;
  const pushed = await fetch(upstream.served.url + path, {
    method: 'POST',
    body: 'content',
    headers: { authorization },
  });
  t.is(pushed.status, 201);
  const registry = new URL(upstream.served.url).host;
  const settings = {
    public: ['copies/'],
    copies: [
      { names: 'copies/', registry, username: 'admin', 'password-file': 'password', 'fresh-minutes': 5 },
    ],
  };
  await writeFile(join(instance.folder, 'settings.yaml'), JSON.stringify(settings));
  await writeFile(join(instance.folder, 'password'), 'long enough\n');
  const { child, served } = await serve(t, instance, '--data', 'copies', '--settings', 'settings.yaml');
  const token = (await (await fetch(`${served.url}/token?scope=repository:copies/app:pull`)).json()) as {
    token: string;
  };
  const copy = await fetch(`${served.url}/v2/copies/app/blobs/${digest}`, {
    headers: { authorization: `Bearer ${token.token}` },
  });
  t.is(await copy.text(), 'content');
  t.is(await stop(child, 'SIGTERM'), 0);
});

for (const [copies, message] of [
  ['hub', /such as hub\/=docker\.io/],
  ['hub=docker.io', /hub\//],
  ['hub/=docker', /docker/],
  ['hub/=docker.io/library', /address of a registry/],
] as const) {
  test(`img serve --copies ${copies} is refused`, async (t) => {
    const { run } = await newInstance(t);
    const result = await run(['serve', '--listen', '127.0.0.1:0', '--copies', copies]);
    t.is(result.code, 2, result.stderr);
    t.regex(result.stderr, message);
  });
}

test('img serve says so when another program listens there', async (t) => {
  const instance = await newInstance(t);
  const { served } = await serve(t, instance);
  const { code, stderr } = await instance.run([
    'serve',
    '--listen',
    new URL(served.url).host,
    '--data',
    'other',
  ]);
  t.is(code, 1);
  t.regex(stderr, /^img: .*127\.0\.0\.1.*\n {5}hint: /);
});
