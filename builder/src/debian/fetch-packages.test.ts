import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { digestHex, digestOf } from '@img/spec/digest';
import type { ProgressEvent } from '@img/spec/progress';
import test, { type ExecutionContext } from 'ava';
import { fetchPackages } from './fetch-packages.ts';
import type { DebianPackage } from './package.ts';
import type { FetchPackagesOptions } from './resolution.ts';
import { startServer, type TestServer } from './testing/test-server.ts';

type Options = FetchPackagesOptions & { retryDelaysMs: number[] };

const contents = new Map(
  ['one', 'two', 'three'].map((name, index) => [name, Buffer.alloc(100_000 * (index + 1), name)] as const),
);

function packageOf(name: string, bytes: Uint8Array): DebianPackage {
  return {
    name,
    version: '1.0',
    architecture: 'amd64',
    source: { name, version: '1.0' },
    suite: 'trixie',
    path: `pool/${name}.deb`,
    size: bytes.byteLength,
    digest: digestOf(bytes),
  };
}

const packages = [...contents].map(([name, bytes]) => packageOf(name, bytes));
const [one] = packages as [DebianPackage];
const oneContent = contents.get('one') ?? Buffer.alloc(0);
const oneName = `${digestHex(one.digest)}.deb`;

function systemOf(...mirrors: readonly string[]): Options['system'] {
  const suite = { suite: 'trixie', components: ['main'], archive: 'custom', mirrors, keys: [] } as const;
  return { name: 'the test archive', suites: [suite] };
}

async function start(t: ExecutionContext): Promise<{ server: TestServer; options: Options }> {
  const files = new Map([...contents].map(([name, bytes]) => [`pool/${name}.deb`, bytes] as const));
  const server = await startServer(t, files);
  const cacheDir = join(temporaryFolder(t), 'cache');
  return { server, options: { system: systemOf(server.url), cacheDir, retryDelaysMs: [] } };
}

const packagesIn = async ({ cacheDir }: Options): Promise<readonly string[]> =>
  (await readdir(join(cacheDir, 'packages'))).filter((name) => name !== 'partial').sort();

const partsIn = ({ cacheDir }: Options): Promise<string[]> => readdir(join(cacheDir, 'packages', 'partial'));

test('fetchPackages() downloads what is missing and says where it is', async (t) => {
  const { options, server } = await start(t);
  const paths = await fetchPackages([...packages, one], options);
  t.is(paths.size, 3);
  for (const { name, digest } of packages)
    t.deepEqual(await readFile(paths.get(digest) ?? ''), contents.get(name));
  t.is(server.requests.length, 3);
  t.deepEqual(await partsIn(options), []);
});

test('fetchPackages() uses no network when everything is there', async (t) => {
  const { options, server } = await start(t);
  const first = await fetchPackages(packages, options);
  server.requests.length = 0;
  const unreachable = { ...options, system: systemOf('http://nowhere.invalid/debian') };
  t.deepEqual(await fetchPackages(packages, unreachable), first);
  t.deepEqual(server.requests, []);
});

test('fetchPackages() of nothing is nothing', async (t) => {
  const { options } = await start(t);
  t.is((await fetchPackages([], options)).size, 0);
});

test('fetchPackages() reports what it does', async (t) => {
  const { options } = await start(t);
  const events: ProgressEvent[] = [];
  const onProgress = (event: ProgressEvent): void => void events.push(event);
  await fetchPackages([one], { ...options, onProgress });
  const [begin] = events;
  t.deepEqual(begin, { kind: 'start', item: one.digest, what: 'one 1.0', totalBytes: one.size });
  t.is(
    events.reduce((sum, event) => sum + (event.kind === 'advance' ? event.bytes : 0), 0),
    one.size,
  );
  t.is(events.at(-1)?.kind, 'done');
  events.length = 0;
  await fetchPackages([one], { ...options, onProgress });
  t.deepEqual(
    events.map(({ kind }) => kind),
    ['skip'],
  );
});

const damages: readonly (readonly [why: string, damage: (path: string) => Promise<void>])[] = [
  ['has another content', (path) => writeFile(path, Buffer.alloc(one.size))],
  ['is shorter', (path) => writeFile(path, oneContent.subarray(1))],
  ['is longer', (path) => appendFile(path, 'x')],
];

for (const [why, damage] of damages) {
  test(`fetchPackages() downloads again what is in the cache but ${why}`, async (t) => {
    const { options } = await start(t);
    const path = (await fetchPackages([one], options)).get(one.digest) ?? '';
    await damage(path);
    await fetchPackages([one], options);
    t.deepEqual(await readFile(path), oneContent);
  });
}

test('fetchPackages() goes on where an earlier download broke off', async (t) => {
  const { options, server } = await start(t);
  server.files.set(one.path, (_request, response) => {
    response.writeHead(200, { 'content-length': one.size });
    response.write(oneContent.subarray(0, 40_000), () => response.destroy());
  });
  await t.throwsAsync(fetchPackages([one], options), { code: 'ARCHIVE_UNREACHABLE' });
  t.deepEqual(await packagesIn(options), []);
  server.files.set(one.path, oneContent);
  await fetchPackages([one], options);
  t.regex(server.requests.at(-1) ?? '', /bytes=[1-9]\d*-$/);
  t.deepEqual(await packagesIn(options), [oneName]);
  t.deepEqual(await partsIn(options), []);
});

test('fetchPackages() goes on within one call, as long as there is progress', async (t) => {
  const { options, server } = await start(t);
  server.files.set(one.path, ({ headers }, response) => {
    const start = Number(/\d+/.exec(headers.range ?? '')?.[0] ?? 0);
    const status = start === 0 ? 200 : 206;
    const end = start + 20_000;
    response.writeHead(status, { 'content-length': one.size - start });
    // Ten breaks with one retry each: only progress makes that enough.
    response.write(oneContent.subarray(start, end), () =>
      end >= one.size ? response.end() : response.destroy(),
    );
  });
  await fetchPackages([one], { ...options, retryDelaysMs: [0] });
  t.true(server.requests.length >= 5, String(server.requests.length));
  t.deepEqual(await packagesIn(options), [oneName]);
});

test('fetchPackages() begins again where a server knows no ranges', async (t) => {
  const { options, server } = await start(t);
  let isFirst = true;
  server.files.set(one.path, (_request, response) => {
    response.writeHead(200, { 'content-length': one.size });
    if (isFirst) response.write(oneContent.subarray(0, 30_000), () => response.destroy());
    else response.end(oneContent);
    isFirst = false;
  });
  await fetchPackages([one], { ...options, retryDelaysMs: [0] });
  t.deepEqual(await packagesIn(options), [oneName]);
});

test('fetchPackages() begins again when what an earlier download left is damaged', async (t) => {
  const { options, server } = await start(t);
  await fetchPackages([], options);
  const leftover = join(options.cacheDir, 'packages', 'partial', `${digestHex(one.digest)}.1-1-1-a`);
  await writeFile(leftover, Buffer.alloc(50_000));
  await utimes(leftover, 0, new Date(Date.now() - 3_600_000));
  await fetchPackages([one], options);
  t.deepEqual(server.requests, [`${one.path} bytes=50000-`, one.path]);
  t.deepEqual(await packagesIn(options), [oneName]);
});

type Refusal = readonly [why: string, code: string, change: (server: TestServer) => unknown];

const refusals: readonly Refusal[] = [
  ['the content is another', 'PACKAGE_MISMATCH', ({ files }) => files.set(one.path, Buffer.alloc(one.size))],
  [
    'the content is shorter',
    'ARCHIVE_UNREACHABLE',
    ({ files }) => files.set(one.path, oneContent.subarray(1)),
  ],
  [
    'the content is longer',
    'PACKAGE_MISMATCH',
    ({ files }) => files.set(one.path, Buffer.concat([oneContent, Buffer.alloc(1)])),
  ],
  [
    'the content has no end',
    'PACKAGE_MISMATCH',
    ({ files }) =>
      files.set(one.path, (_request, response) => {
        const more = (): void => {
          while (response.write(Buffer.alloc(65_536)));
        };
        response.on('drain', more);
        more();
      }),
  ],
  ['the archive has it no more', 'ARCHIVE_NOT_FOUND', ({ files }) => files.delete(one.path)],
  [
    'the server refuses',
    'ARCHIVE_RESPONSE',
    ({ files }) => files.set(one.path, (_request, response) => response.writeHead(403).end()),
  ],
  [
    'the server is broken',
    'ARCHIVE_UNREACHABLE',
    ({ files }) => files.set(one.path, (_request, response) => response.writeHead(500).end()),
  ],
];

for (const [why, code, change] of refusals) {
  test(`fetchPackages() fails with ${code} if ${why}`, async (t) => {
    const { options, server } = await start(t);
    change(server);
    const error = await t.throwsAsync(fetchPackages([one], options), { code });
    t.truthy((error as { hint?: string } | undefined)?.hint);
    t.deepEqual(await packagesIn(options), []);
  });
}

test('fetchPackages() takes a package from the next mirror when the first has a bad one', async (t) => {
  const { options, server } = await start(t);
  const bad = await startServer(t, new Map([[one.path, Buffer.alloc(one.size)]]));
  await fetchPackages([one], { ...options, system: systemOf(bad.url, server.url) });
  t.deepEqual(await packagesIn(options), [oneName]);
  t.is(bad.requests.length, 1);
});

test('fetchPackages() doesn’t ask a mirror first that was away', async (t) => {
  const { options, server } = await start(t);
  const away = await startServer(t);
  for (const { path } of packages)
    away.files.set(path, (_request, response) => response.writeHead(503).end());
  await fetchPackages(packages, { ...options, system: systemOf(away.url, server.url), concurrency: 1 });
  t.is(away.requests.length, 1);
  t.is(server.requests.length, 3);
});

test('fetchPackages() refuses a package of a suite that the system doesn’t have', async (t) => {
  const { options } = await start(t);
  await t.throwsAsync(fetchPackages([{ ...one, suite: 'sid' }], options), { code: 'SYSTEM_UNKNOWN' });
});

test('fetchPackages() ends the other downloads when one fails, and keeps what is complete', async (t) => {
  const { options, server } = await start(t);
  server.files.delete('pool/two.deb');
  server.files.set('pool/three.deb', (_request, response) => response.writeHead(200).write('three'));
  await t.throwsAsync(fetchPackages(packages, { ...options, concurrency: 3 }), { code: 'ARCHIVE_NOT_FOUND' });
  server.files.set('pool/two.deb', contents.get('two') ?? Buffer.alloc(0));
  server.files.set('pool/three.deb', contents.get('three') ?? Buffer.alloc(0));
  t.is((await fetchPackages(packages, options)).size, 3);
});

test('fetchPackages() stops when it is told to', async (t) => {
  const { options, server } = await start(t);
  const stop = new AbortController();
  server.files.set(one.path, (_request, response) => {
    response.writeHead(200).write('x', () => stop.abort(new Error('enough')));
  });
  await t.throwsAsync(fetchPackages([one], { ...options, signal: stop.signal }), { message: 'enough' });
  t.deepEqual(await packagesIn(options), []);
});

test('fetchPackages() downloads several at once, but not more than allowed', async (t) => {
  const { options, server } = await start(t);
  const waiting: (() => void)[] = [];
  let most = 0;
  for (const { name, path } of packages) {
    server.files.set(path, (_request, response) => {
      waiting.push(() => response.end(contents.get(name)));
      most = Math.max(most, waiting.length);
      // Nothing is answered before two are asked for; the third comes alone.
      const isEnough = waiting.length === 2 || server.requests.length === 3;
      if (isEnough) for (const answer of waiting.splice(0)) answer();
    });
  }
  await fetchPackages(packages, { ...options, concurrency: 2 });
  t.is(most, 2);
});

test('fetchPackages() says that the cache can’t be written to', async (t) => {
  const { options } = await start(t);
  await writeFile(options.cacheDir, 'a file in its place');
  await t.throwsAsync(fetchPackages([one], options), { code: 'CACHE_UNWRITABLE' });
});

const modulePath = fileURLToPath(new URL('./fetch-packages.ts', import.meta.url));

function startChild(options: Options): ReturnType<typeof spawn> {
  const script = `
    import { fetchPackages } from ${JSON.stringify(modulePath)};
    const [packages, options] = JSON.parse(process.argv[1]);
    const onProgress = ({ kind }) => kind === 'advance' && process.stdout.write('.');
    await fetchPackages(packages, { ...options, onProgress });
  `;
  const args = ['--input-type=module', '--eval', script, JSON.stringify([packages, options])];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

test('fetchPackages() goes on after kill -9', async (t) => {
  const { options, server } = await start(t);
  server.files.set(one.path, (_request, response) => {
    response.writeHead(200, { 'content-length': one.size }).write(oneContent.subarray(0, 60_000));
  });
  for (const { path } of packages.slice(1))
    server.files.set(path, (_request, response) => response.writeHead(200));
  const child = startChild(options);
  // It prints when something of the only answer has been written down.
  if (child.stdout !== null) await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  for (const { name, path } of packages) server.files.set(path, contents.get(name) ?? Buffer.alloc(0));
  server.requests.length = 0;
  const paths = await fetchPackages(packages, options);
  for (const { name, digest } of packages)
    t.deepEqual(await readFile(paths.get(digest) ?? ''), contents.get(name));
  t.true(
    server.requests.some((request) => request.startsWith(`${one.path} bytes=`)),
    server.requests.join(),
  );
  t.deepEqual(await partsIn(options), []);
});

test('several processes fetch the same packages into the same cache', async (t) => {
  const { options } = await start(t);
  const children = Array.from({ length: 3 }, () => startChild(options));
  for (const { stdout } of children) stdout?.resume();
  const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0] as number));
  t.deepEqual(codes, [0, 0, 0]);
  t.is((await packagesIn(options)).length, 3);
  t.deepEqual(await partsIn(options), []);
});
