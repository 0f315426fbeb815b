import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { CliError } from '../cli-error.ts';
import type { Environment } from '../environment.ts';
import { loadConfig } from './config.ts';

type Prepared = {
  readonly folder: string;
  readonly environment: (variables?: Environment['variables']) => Environment;
};

/** An instance of its own with these files in its configuration folder. */
async function prepare(
  t: ExecutionContext,
  files: { readonly [name: string]: string } = {},
): Promise<Prepared> {
  const folder = await mkdtemp(join(tmpdir(), 'img-config-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  const environment = (variables: Environment['variables'] = {}): Environment => {
    return {
      variables: { IMG_CONFIG: folder, ...variables },
      homeFolder: '/home/u',
      workingFolder: '/here',
      isRoot: false,
    };
  };
  return { folder, environment };
}

test('loadConfig() without files has what is built in', async (t) => {
  const { folder, environment } = await prepare(t);
  const config = await loadConfig(environment());
  t.is(config.registries.default as string, '127.0.0.1:5000');
  t.deepEqual([...config.registries.aliases] as unknown, [['quay-local', '127.0.0.1:5000']]);
  t.is(config.mirror, undefined);
  t.is(config.rootFolder, '/home/u/.local/share/img');
  t.is(config.runFolder, '/home/u/.local/share/img/run/img');
  t.is(config.cacheFolder, '/home/u/.cache/img');
  t.is(config.keysFolder, join(folder, 'keys'));
  t.deepEqual(config.trustFolders, [join(folder, 'trust.d')]);
  t.is(config.settings.texts.root?.origin, 'built in');
});

test('loadConfig() follows the XDG folders for users and the FHS for root', async (t) => {
  const variables = {
    XDG_CONFIG_HOME: '/nowhere/c',
    XDG_DATA_HOME: '/nowhere/d',
    XDG_CACHE_HOME: 'relative-does-not-count',
    XDG_RUNTIME_DIR: '/nowhere/r',
  };
  const user = await loadConfig({
    variables,
    homeFolder: '/nowhere/home',
    workingFolder: '/',
    isRoot: false,
  });
  t.like(user, {
    rootFolder: '/nowhere/d/img',
    runFolder: '/nowhere/r/img',
    cacheFolder: '/nowhere/home/.cache/img',
    keysFolder: '/nowhere/c/img/keys',
    trustFolders: ['/usr/lib/img/trust.d', '/etc/img/trust.d', '/nowhere/c/img/trust.d'],
  });
  const root = await loadConfig({ variables, homeFolder: '/nowhere/home', workingFolder: '/', isRoot: true });
  t.like(root, {
    rootFolder: '/var/lib/img',
    runFolder: '/run/img',
    cacheFolder: '/var/cache/img',
    keysFolder: '/nowhere/c/img/keys',
    trustFolders: ['/usr/lib/img/trust.d', '/etc/img/trust.d'],
  });
});

const fullFile = `
registries:
  default: work
  aliases:
    work: https://registry.example.com:5000/
    lab: http://10.0.0.5:5000
mirror: http://deb.example.com/debian
root: /srv/img
cache: ~/c
trust: [/a, ~/b]
`;

test('loadConfig() reads config.yaml and says where each value comes from', async (t) => {
  const { folder, environment } = await prepare(t, { 'config.yaml': fullFile });
  const config = await loadConfig(environment());
  t.is(config.registries.default as string, 'registry.example.com:5000');
  t.deepEqual([...config.registries.aliases.keys()].sort(), ['lab', 'quay-local', 'work']);
  t.deepEqual([...config.plainHttp] as unknown, ['10.0.0.5:5000'], 'only where http:// is written');
  t.is(config.mirror, 'http://deb.example.com/debian');
  t.is(config.rootFolder, '/srv/img');
  t.is(config.cacheFolder, '/home/u/c');
  t.deepEqual(config.trustFolders, ['/a', '/home/u/b']);
  t.is(config.settings.texts.root?.origin, `${join(folder, 'config.yaml')}:8:7`);
});

test('loadConfig() lets variables win over files', async (t) => {
  const { environment } = await prepare(t, { 'config.yaml': fullFile });
  const config = await loadConfig(
    environment({ IMG_REGISTRY: 'quay-local', IMG_ROOT: 'rel', IMG_MIRROR: '', IMG_TRUST: '/x:y' }),
  );
  t.is(config.registries.default as string, '127.0.0.1:5000');
  t.is(config.rootFolder, '/here/rel', 'folders in variables are relative to the working folder');
  t.is(config.mirror, 'http://deb.example.com/debian', 'an empty variable counts as unset');
  t.deepEqual(config.trustFolders, ['/x', '/here/y']);
  t.is(config.settings.texts.root?.origin, 'IMG_ROOT');
});

test('loadConfig() lets options win over variables, also over where the files are', async (t) => {
  const { folder, environment } = await prepare(t, {
    'config.yaml': fullFile,
    'other/config.yaml': 'mirror: http://m/',
  });
  const variables = environment({ IMG_ROOT: '/x', IMG_CONFIG: '/nowhere' });
  const config = await loadConfig(variables, { config: join(folder, 'other'), root: 'rel', cache: '/c' });
  t.like(config, {
    rootFolder: '/here/rel',
    cacheFolder: '/c',
    mirror: 'http://m/',
    keysFolder: join(folder, 'other/keys'),
  });
  t.is(config.settings.texts.root?.origin, '--root');
});

test("loadConfig() reads the user's file after the host's and lets it add aliases", async (t) => {
  const { folder } = await prepare(t, { 'c/img/config.yaml': 'registries: {aliases: {mine: localhost:1}}' });
  const environment = {
    variables: { XDG_CONFIG_HOME: join(folder, 'c') },
    homeFolder: '/',
    workingFolder: '/',
    isRoot: false,
  };
  t.is((await loadConfig(environment)).registries.aliases.get('mine') as string, 'localhost:1');
});

test('loadConfig() accepts an empty file', async (t) => {
  for (const text of ['', '# nothing\n', '{}']) {
    const { environment } = await prepare(t, { 'config.yaml': text });
    t.is((await loadConfig(environment())).rootFolder, '/home/u/.local/share/img');
  }
});

const refused: readonly [text: string, message: RegExp, reason: string][] = [
  ['rot: /x', /config\.yaml:1:1: unknown key "rot"; did you mean "root"\?$/, 'a mistyped key'],
  [
    'registries:\n  defualt: a',
    /config\.yaml:2:3: unknown key "defualt" in registries; did you mean "default"\?/,
    'a mistyped key further down',
  ],
  ['a: 1\nb: 2', /config\.yaml:1:1: .*\n.*config\.yaml:2:1: /, 'every fault at once'],
  [
    'root: [/x]',
    /config\.yaml:1:7: root should be a folder, beginning with \/ or ~\/, not a list/,
    'a wrong type',
  ],
  ['- root', /config\.yaml:1:1: the file should be a map of settings, not a list/, 'no map'],
  ['root: x', /config\.yaml:1:7: a folder should begin with \/ or ~\/, but is "x"/, 'a relative folder'],
  ['root: ~', /config\.yaml:1:7: a folder should begin with/, 'null is text here'],
  ['mirror: deb.debian.org', /config\.yaml:1:9: mirror should be an address such as/, 'no scheme'],
  ['mirror: file:///etc', /config\.yaml:1:9: mirror should be an address such as/, 'another scheme'],
  [
    'registries: {default: wrk}',
    /config\.yaml:1:23: "wrk" should be the address of a registry/,
    'an unknown alias',
  ],
  [
    'registries: {aliases: {a: "x y"}}',
    /config\.yaml:1:27: "x y" should be the address of a registry/,
    'no host',
  ],
  [
    'registries: {aliases: {a: "http://x/y"}}',
    /"http:\/\/x\/y" should be the address of a registry/,
    'a path',
  ],
  [
    'registries: {aliases: {a.b: "localhost:1"}}',
    /alias "a\.b" should be a word/,
    'an alias that looks like a host',
  ],
  [
    'registries: {aliases: {localhost: "10.0.0.1:1"}}',
    /alias "localhost" should be a word/,
    'would redirect this machine',
  ],
  ['root: /x\nroot: /y', /config\.yaml:2:1: .*twice/, 'a key twice'],
  ['root: &a /x', /config\.yaml:1:\d+: anchors and aliases/, 'an anchor'],
  ['root: "', /config\.yaml:1:\d+: /, 'no YAML'],
  [`root: /${'x'.repeat(5000)}`, /longer than the 4096/, 'a value that is too long'],
  ['x'.repeat(300_000), /longer than the 262144 bytes allowed/, 'a file that is too long'],
  ['\u0000', /config\.yaml:1:1: /, 'a zero'],
];

for (const [text, message, reason] of refused) {
  test(`loadConfig() refuses ${reason}: ${text.slice(0, 40).replaceAll('\n', ' ')}`, async (t) => {
    const { environment } = await prepare(t, { 'config.yaml': text });
    const error = await t.throwsAsync(loadConfig(environment()), { instanceOf: CliError, message });
    t.false(error?.message.includes('\0'));
  });
}

test('loadConfig() names the variable that is wrong', async (t) => {
  const { environment } = await prepare(t);
  await t.throwsAsync(loadConfig(environment({ IMG_REGISTRY: 'no such' })), {
    code: 'CONFIG_INVALID',
    message: /^IMG_REGISTRY: "no such" should be the address of a registry/,
  });
});

const addresses: readonly [text: string, host: string, isPlainHttp: boolean][] = [
  ['registry.example.com', 'registry.example.com', false],
  ['https://registry.example.com', 'registry.example.com', false],
  ['http://registry', 'registry:80', true],
  ['https://registry/', 'registry:443', false],
  ['http://127.0.0.1:5000', '127.0.0.1:5000', true],
];

test('loadConfig() reads addresses of registries with and without a scheme', async (t) => {
  const { environment } = await prepare(t);
  for (const [text, host, isPlainHttp] of addresses) {
    const config = await loadConfig(environment({ IMG_REGISTRY: text }));
    t.is(config.registries.default as string, host, text);
    t.is(config.plainHttp.has(config.registries.default), isPlainHttp, text);
  }
});
