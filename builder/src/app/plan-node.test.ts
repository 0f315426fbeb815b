import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { startServer, type TestServer } from '../debian/testing/test-server.ts';
import { ImageTree } from '../image/image-tree.ts';
import { type DebMember, makeTar } from '../testing/make-deb.ts';
import { planLayers } from '../testing/plan-layers.ts';

const rule = { kind: 'node' } as const;

/** An archive of a package, put on the server, and what a lock says of it. */
async function publish(server: TestServer, path: string, members: readonly DebMember[]) {
  const bytes = gzipSync(await makeTar(members));
  server.files.set(path, bytes);
  const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  return { version: '1.0.0', resolved: `https://registry.npmjs.org/${path}`, integrity };
}

const lockOf = (packages: object) => JSON.stringify({ name: 'app', lockfileVersion: 3, packages });

type Packages = { readonly [path: string]: object };

async function plan(
  t: ExecutionContext,
  server: TestServer,
  packages: Packages,
  files = {},
  tree = new ImageTree(),
) {
  const notes: string[] = [];
  const planned = await planLayers(t, {
    rule,
    files: { 'package.json': '{}', 'package-lock.json': lockOf(packages), 'index.js': 'own', ...files },
    context: {
      npmRegistry: `${server.url}/`,
      tree,
      onProgress: (event) => {
        if (event.kind === 'note') notes.push(event.text);
      },
    },
  });
  return { ...planned, notes };
}

test('planApp() puts what package-lock.json names into node_modules, and the app above it', async (t) => {
  const server = await startServer(t);
  const tool = await publish(server, 'tool/-/tool-1.0.0.tgz', [
    { name: 'package/cli.js', content: '#!/usr/bin/env node' },
    { name: 'package/lib/', type: 'directory' },
    { name: 'package/lib/a.js', content: 'a' },
    { name: 'package/link', type: 'symlink', linkname: '/etc/passwd' },
  ]);
  const scoped = await publish(server, '@a/b/-/b-1.0.0.tgz', [{ name: 'b-main/index.js', content: 'b' }]);
  const { resolved: _, ...unnamed } = scoped;
  const { start, layers } = await plan(
    t,
    server,
    {
      '': { dependencies: { tool: '1' } },
      'node_modules/tool': { ...tool, bin: { tool: './cli.js', gone: 'gone.js' } },
      'node_modules/tool/node_modules/@a/b': unnamed,
      'node_modules/dev': { version: '1.0.0', dev: true },
      'node_modules/inside': { version: '1.0.0', inBundle: true },
      'node_modules/own': { resolved: 'packages/own', link: true },
      'packages/own': { version: '1.0.0' },
    },
    { 'packages/own/index.js': 'o', 'node_modules/tool/old.js': 'x' },
  );
  t.deepEqual(layers[0], {
    what: '2 npm packages',
    files: {
      'opt/app/node_modules/.bin/tool': '-> ../tool/cli.js',
      'opt/app/node_modules/own': '-> ../packages/own',
      'opt/app/node_modules/tool/cli.js': '#!/usr/bin/env node',
      'opt/app/node_modules/tool/lib/a.js': 'a',
      'opt/app/node_modules/tool/node_modules/@a/b/index.js': 'b',
    },
  });
  t.deepEqual(Object.keys(layers[1]?.files ?? {}), [
    'opt/app/index.js',
    'opt/app/package-lock.json',
    'opt/app/package.json',
    'opt/app/packages/own/index.js',
  ]);
  t.like(start, {
    cmd: ['node', '/opt/app/index.js'],
    workingDir: '/opt/app',
    env: new Map([['NODE_ENV', 'production']]),
  });
});

test('planApp() gives a large package a layer of its own', async (t) => {
  const server = await startServer(t);
  const large = [{ name: 'package/data', content: 'x'.repeat(5_000_000) }];
  const packages = {
    'node_modules/big': await publish(server, 'big/-/big-1.0.0.tgz', large),
    'node_modules/small': await publish(server, 's/-/s-1.0.0.tgz', [{ name: 'package/a', content: 'a' }]),
  };
  const { layers } = await plan(t, server, packages);
  t.deepEqual(
    layers.map(({ what }) => what),
    ['npm package big@1.0.0', '1 npm packages', 'app .'],
  );
});

test('planApp() leaves out optional packages for other platforms, and refuses others', async (t) => {
  const server = await startServer(t);
  const made = await publish(server, 'n/-/n-1.0.0.tgz', [{ name: 'package/a', content: 'a' }]);
  const names = async (options: object, tree = new ImageTree()) => {
    const { layers } = await plan(t, server, { 'node_modules/n': { ...made, ...options } }, {}, tree);
    return layers[0]?.what;
  };
  t.is(await names({ optional: true, os: ['darwin'] }), '0 npm packages');
  t.is(await names({ optional: true, os: ['!win32'], cpu: ['x64'], libc: ['glibc'] }), '1 npm packages');
  t.is(await names({ optional: true, cpu: ['arm64'] }), '0 npm packages');
  const musl = new ImageTree();
  musl.set({ path: 'lib/ld-musl-x86_64.so.1', type: 'file', mode: 0o755, uid: 0, gid: 0 });
  t.is(await names({ optional: true, libc: ['glibc'] }, musl), '0 npm packages');
  await t.throwsAsync(names({ os: ['win32'] }), { code: 'APP_UNSUPPORTED' });
});

test('planApp() says which install scripts were not run', async (t) => {
  const server = await startServer(t);
  const made = await publish(server, 'n/-/n-1.0.0.tgz', []);
  const { notes } = await plan(t, server, { 'node_modules/n': { ...made, hasInstallScript: true } });
  t.regex(notes.join(), /^n@1\.0\.0 has an install script, which was not run/);
});

const starts: readonly (readonly [
  why: string,
  description: object,
  files: readonly string[],
  cmd: readonly string[],
])[] = [
  [
    'what npm start runs',
    { scripts: { start: 'node ./src/server.js' }, main: 'lib.js' },
    ['src/server.js', 'lib.js'],
    ['node', '/opt/app/src/server.js'],
  ],
  [
    'the main module where npm start needs a shell',
    { scripts: { start: 'a && b' }, main: './lib' },
    ['lib.js'],
    ['node', '/opt/app/lib.js'],
  ],
  ['server.js before index.js', {}, ['server.js', 'index.js'], ['node', '/opt/app/server.js']],
  ['nothing if there is none of them', {}, ['x.js'], []],
];

for (const [why, description, paths, cmd] of starts) {
  test(`planApp() starts ${why}`, async (t) => {
    const files = {
      'package.json': JSON.stringify(description),
      ...Object.fromEntries(paths.map((path) => [path, ''])),
    };
    t.deepEqual((await planLayers(t, { rule, files })).start.cmd, [...cmd]);
  });
}

test('planApp() starts a JavaScript file that is named', async (t) => {
  const planned = await planLayers(t, { rule: { ...rule, from: 'a.mjs' }, files: { 'a.mjs': 'x' } });
  t.deepEqual([planned.start.cmd, planned.layers.length], [['node', '/opt/app/a.mjs'], 1]);
});

const integrity = `sha512-${Buffer.alloc(64).toString('base64')}`;
const refusals: readonly (readonly [why: string, packages: Packages, code: string])[] = [
  ['a path that leads out', { 'node_modules/../../x': { integrity } }, 'APP_INVALID'],
  ['a link that leads out', { 'node_modules/x': { link: true, resolved: '../x' } }, 'APP_INVALID'],
  [
    'a program outside of its package',
    { 'node_modules/x': { integrity, bin: { x: '../../x' } } },
    'APP_INVALID',
  ],
  [
    'a program with a path for a name',
    { 'node_modules/x': { integrity, bin: { '../x': 'x' } } },
    'APP_INVALID',
  ],
  ['a name that is none', { 'node_modules/x': { integrity, name: '../x' } }, 'APP_INVALID'],
  [
    'a package from git',
    { 'node_modules/x': { resolved: 'git+ssh://git@example.com/x' } },
    'APP_UNSUPPORTED',
  ],
  ['a package without a digest', { 'node_modules/x': { version: '1.0.0' } }, 'APP_UNSUPPORTED'],
  ['a package with a weak digest', { 'node_modules/x': { integrity: 'sha1-AAAA' } }, 'APP_UNSUPPORTED'],
  [
    'a package that the registry does not have',
    { 'node_modules/x': { integrity, version: '1.0.0' } },
    'ARCHIVE_NOT_FOUND',
  ],
];

for (const [why, packages, code] of refusals) {
  test(`planApp() refuses ${why}`, async (t) => {
    await t.throwsAsync(plan(t, await startServer(t), packages), { code });
  });
}

test('planApp() refuses archives that are not what was locked, or nothing to unpack', async (t) => {
  const server = await startServer(t);
  const made = await publish(server, 'n/-/n-1.0.0.tgz', [{ name: 'package/a', content: 'a' }]);
  server.files.set('n/-/n-1.0.0.tgz', Buffer.from('other'));
  await t.throwsAsync(plan(t, server, { 'node_modules/n': made }), { code: 'PACKAGE_MISMATCH' });
  const bytes = Buffer.from('no gzip');
  server.files.set('n/-/n-1.0.0.tgz', bytes);
  const wrong = { ...made, integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}` };
  await t.throwsAsync(plan(t, server, { 'node_modules/n': wrong }), { code: 'APP_INVALID' });
  const evil = await publish(server, 'n/-/n-1.0.0.tgz', [{ name: 'package/../../x', content: 'x' }]);
  await t.throwsAsync(plan(t, server, { 'node_modules/n': evil }), { code: 'APP_INVALID' });
});

test('planApp() refuses dependencies without a lock, and locks of other forms', async (t) => {
  const cases = [
    [{ 'package.json': '{"dependencies": {"a": "1"}}' }, 'APP_INVALID'],
    [{ 'package.json': '{', 'index.js': '' }, 'APP_INVALID'],
    [{ 'package-lock.json': '{"lockfileVersion": 1}' }, 'APP_UNSUPPORTED'],
    [{ 'package-lock.json': '[]' }, 'APP_INVALID'],
  ] as const;
  for (const [files, code] of cases) await t.throwsAsync(planLayers(t, { rule, files }), { code });
});
