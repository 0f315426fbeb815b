import { type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, cp, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import { TestSystem } from './testing/test-system.ts';

const command = fileURLToPath(new URL('testing/build-command.ts', import.meta.url));
const lines =
  'packages: [tool, small, mawk]\nfiles: [{from: conf, to: /etc/app, owner: www-data}]\napp: {files: src}\nrun: {cmd: [tool], user: app}\n';
const sources = { 'conf/a': 'a', 'conf/deep/b': 'b', 'src/main': 'main', 'src/ő': 'ő' };

type Run = {
  readonly folder: string;
  readonly cache: string;
  readonly store: string;
  /** Shell commands before it, such as `umask 077;`. */
  readonly before?: string;
  readonly options?: SpawnOptions;
  /** Kills the process when it has printed so many lines. */
  readonly killAfter?: number;
};

/** Runs a build in a process of its own and returns the last line that it printed. */
async function run({ folder, cache, store, before = '', options = {}, killAfter }: Run): Promise<string> {
  const script = `${before} exec "$0" "$@"`;
  const args = ['-c', script, process.execPath, command, folder, cache, store];
  const child = spawn('sh', args, { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  let last = '';
  let count = 0;
  for await (const line of createInterface({ input: child.stdout as NonNullable<typeof child.stdout> })) {
    last = line;
    count += 1;
    if (count === killAfter) child.kill('SIGKILL');
  }
  await ended;
  return last;
}

test('a build gives the same digest in another process, folder, umask, time zone, locale and order of files', async (t) => {
  const system = await TestSystem.start(t, lines, { files: sources });
  const { cacheFolder: cache, storeFolder: store, folder } = system;
  const expected = await run({ folder, cache, store });
  t.regex(expected, /^built sha256:/);

  const root = temporaryFolder(t);
  const variants: readonly (Pick<Run, 'before' | 'options'> & { readonly why: string })[] = [
    { why: 'umask 077', before: 'umask 077;' },
    { why: 'umask 000', before: 'umask 000;' },
    { why: 'time zone', options: { env: { ...process.env, TZ: 'Pacific/Kiritimati' } } },
    { why: 'locale', options: { env: { ...process.env, LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' } } },
    { why: 'working directory', options: { cwd: '/' } },
    { why: 'bare environment', options: { env: {} } },
  ];
  for (const [index, { why, ...variant }] of variants.entries()) {
    const own = join(root, `${index}`);
    // Made anew under the variant's umask, in another order, with other times, with nothing cached.
    const files = Object.keys(sources)
      .reverse()
      .map((path) => `mkdir -p "$(dirname "${own}/${path}")"; cat "${folder}/${path}" > "${own}/${path}";`);
    const before = `${variant.before ?? ''} ${files.join(' ')} cp "${folder}/img.yaml" "${folder}/keys.asc" "${own}";`;
    t.is(
      await run({ folder: own, cache: join(own, 'c'), store: join(own, 's'), ...variant, before }),
      expected,
      why,
    );
  }
});

test('a build gives the same digest to another user', async (t) => {
  if (process.getuid?.() !== 0) {
    t.log('left out: only root can become another user');
    t.pass();
    return;
  }
  const other = { uid: 65_534, gid: 65_534 };
  if (spawnSync('test', ['-r', command, '-a', '-x', process.execPath], other).status !== 0) {
    t.log('left out: another user can not read this checkout');
    t.pass();
    return;
  }
  const system = await TestSystem.start(t, lines, { files: sources });
  const { cacheFolder: cache, storeFolder: store, folder } = system;
  const expected = await run({ folder, cache, store });
  const own = temporaryFolder(t);
  await cp(folder, join(own, 'folder'), { recursive: true });
  await rm(join(own, 'folder/img.lock'));
  for (const path of [own, join(own, 'folder')]) await chown(path, 65_534, 65_534);
  await chmod(own, 0o700);
  // The sources stay those of root.
  const options = { ...other, env: { PATH: process.env['PATH'] } };
  const [ownCache, ownStore] = [join(own, 'cache'), join(own, 'store')];
  t.is(await run({ folder: join(own, 'folder'), cache: ownCache, store: ownStore, options }), expected);
});

test('a build that is killed at any point leaves nothing that the next one stumbles over', async (t) => {
  const system = await TestSystem.start(t, lines, { files: sources });
  const { cacheFolder: cache, storeFolder: store, folder } = system;
  const expected = await run({ folder, cache, store });
  const lock = await readFile(join(folder, 'img.lock'), 'utf8');
  for (let killAfter = 1; ; killAfter += 7) {
    for (const path of [cache, store, join(folder, 'img.lock')])
      await rm(path, { recursive: true, force: true });
    const last = await run({ folder, cache, store, killAfter });
    if (last.startsWith('built ')) break;
    // Nothing is there under the image's name, or all of it.
    const found = await system.read(expected.slice('built '.length) as never).catch(() => undefined);
    if (found !== undefined) t.is(found.manifest.layers.length, found.config.diffIds.length);
    t.is(await run({ folder, cache, store }), expected, `killed after ${killAfter} lines`);
    t.is(await readFile(join(folder, 'img.lock'), 'utf8'), lock);
  }
  t.deepEqual((await readdir(folder)).sort(), ['conf', 'img.lock', 'img.yaml', 'keys.asc', 'src']);
});

test('a build on a full disk says so, and goes on where there is room', async (t) => {
  if (process.getuid?.() !== 0 || !needsTool(t, 'unshare')) {
    t.log('left out: only root can mount a small disk');
    t.pass();
    return;
  }
  const system = await TestSystem.start(t, lines, { files: sources });
  const { cacheFolder: cache, storeFolder: store, folder } = system;
  const expected = await run({ folder, cache: join(folder, '../other'), store });
  await mkdir(cache, { recursive: true });
  const script = `mount -t tmpfs -o size=300k none "${cache}"
    "$0" "$@"
    mount -o remount,size=100m "${cache}" && find "${cache}" -name ".tmp*" | sed "s/^/left /"
    exec "$0" "$@"`;
  const args = [
    '-m',
    'sh',
    '-c',
    script,
    process.execPath,
    command,
    folder,
    cache,
    join(folder, '../store2'),
  ];
  const child = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const printed: string[] = [];
  for await (const line of createInterface({ input: child.stdout }))
    if (/^(failed|built|left)/.test(line)) printed.push(line);
  t.regex(printed[0] ?? '', /^failed CACHE_UNWRITABLE can't write to the cache folder .*: the disk is full$/);
  t.deepEqual(printed.slice(1), [expected]);
});
