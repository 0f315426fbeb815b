import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeSuite } from '@img/builder/debian/testing/test-archive';
import { makeKey } from '@img/builder/debian/testing/test-keys';
import { startServer } from '@img/builder/debian/testing/test-server';
import { archivePackage, noise, type TestDeb, testPackages } from '@img/builder/testing/test-system';
import test, { type ExecutionContext } from 'ava';
import { newInstance } from '../testing/run-img.ts';
import { administrator, startTestRegistry } from '../testing/test-registry.ts';

const of = (version: string): readonly TestDeb[] => [
  ...testPackages.filter(({ name }) => name !== 'tool' && name !== 'small'),
  {
    name: 'tool',
    version,
    fields: { Depends: 'small' },
    data: [{ name: './usr/bin/tool', content: `tool ${version}`, mode: 0o755 }],
  },
  {
    name: 'small',
    version,
    data: [{ name: './usr/bin/small', content: `small ${version}`, mode: 0o755 }],
  },
];

/** An instance with an img.yaml and an archive whose packages can be replaced. */
async function prepare(t: ExecutionContext) {
  const instance = await newInstance(t);
  const key = await makeKey();
  const server = await startServer(t);
  const publish = async (packages: readonly TestDeb[], suite = 'trixie') => {
    const files = await makeSuite({
      key,
      suite,
      packages: await Promise.all(packages.map(archivePackage)),
      date: new Date(),
    });
    for (const path of server.files.keys()) {
      if (path.startsWith(`dists/${suite}/`)) server.files.delete(path);
    }
    for (const [path, bytes] of files) server.files.set(path, bytes);
  };
  const recipeFor = (suites: string) =>
    'name: com.example.app\nversion: 1.0.0\npackages: [tool]\n' +
    `os: {mirror: "${server.url}", suites: [${suites}], keyring: keys.asc}\nfiles: [{from: late, to: /srv/}]\n`;
  const folder = join(instance.folder, 'app');
  await mkdir(folder);
  await writeFile(join(folder, 'keys.asc'), key.keyring);
  await writeFile(join(folder, 'img.yaml'), recipeFor('trixie'));
  const run = (...words: readonly string[]) => {
    return instance.run(words, { variables: { IMG_CACHE: join(instance.folder, 'cache') } });
  };
  const done = async (...words: readonly string[]) => {
    const result = await run(...words);
    t.is(result.code, 0, result.stderr);
    return result;
  };
  return { instance, server, folder, publish, run, done, recipeFor };
}

test('img lock writes img.lock before the files are there, updates packages, and shows what changes', async (t) => {
  const { folder, publish, run, done } = await prepare(t);
  await publish(of('1.0'));
  t.like(await run('lock', 'app', '--update', 'tool'), { code: 1 });
  const first = await done('lock', 'app');
  t.regex(first.stdout, /\+ +tool +1\.0 +\+\d+ B +trixie\n/);
  t.regex(first.stderr, /4 packages new; .* to transfer\n.*app\/img\.lock; keep it in version control/s);
  t.regex((await done('lock', 'app')).stderr, /says all this already/);

  await publish(of('2.0'));
  t.is((await done('lock', 'app')).stdout, '', 'what is locked stays');
  const unknown = await run('lock', 'app', '--update', 'tol');
  t.is(unknown.code, 1);
  t.regex(unknown.stderr, /no package "tol" in img\.lock\n.*did you mean tool\?/);
  const one = await done('lock', 'app', '--update', 'small');
  t.regex(one.stdout, /^ +PACKAGE .*\n~ +small +1\.0 +2\.0 +[+-]\d+ B +trixie\n$/);
  const all = JSON.parse((await done('lock', 'app', '--update-all', '--json')).stdout);
  t.deepEqual(
    all.packages.map(({ name, before, after }: { name: string; before: object; after: object }) => [
      name,
      before,
      after,
    ]),
    [['tool', { ...all.packages[0].before, version: '1.0' }, { ...all.packages[0].after, version: '2.0' }]],
  );
  t.like(await run('lock', 'app', '--update-all', '--update', 'tool'), { code: 2 });
  const lock = await readFile(join(folder, 'img.lock'), 'utf8');
  await writeFile(join(folder, 'late'), 'x');
  await done('build', 'app', '--locked');
  t.is(await readFile(join(folder, 'img.lock'), 'utf8'), lock, 'a build locks the same');
});

test('img lock shows what comes from the security suite', async (t) => {
  const { folder, publish, done, recipeFor } = await prepare(t);
  await publish(of('1.0'));
  await publish([], 'trixie-security');
  await writeFile(join(folder, 'img.yaml'), recipeFor('trixie, trixie-security'));
  await done('lock', 'app');
  await publish(of('2.0').slice(-2), 'trixie-security');
  const shown = await done('lock', 'app', '--update', 'small');
  t.regex(shown.stdout, /~ +small +1\.0 +2\.0 +\S+ B +security\n/);
  t.regex(shown.stderr, /1 package changed, 1 of them from the security suite; /);
  const { packages } = JSON.parse((await done('lock', 'app', '--update-all', '--json')).stdout);
  t.like(packages[0], { name: 'tool', isSecurityFix: true, after: { suite: 'trixie-security' } });
});

test('img lock says that there is nothing to lock', async (t) => {
  const { folder, run } = await prepare(t);
  await writeFile(join(folder, 'img.yaml'), 'name: com.example.app\nversion: 1.0.0\nos: scratch\n');
  const result = await run('lock', 'app');
  t.is(result.code, 2);
  t.regex(result.stderr, /has nothing to lock/);
});

test('img rebuild --check says whether an image is what it is made of', async (t) => {
  const { folder, publish, run, done } = await prepare(t);
  await publish(of('1.0'));
  await writeFile(join(folder, 'late'), 'x');
  t.like(await run('rebuild', 'app', '--check'), { code: 1 });
  await done('lock', 'app');
  t.regex(
    (await done('rebuild', 'app', '--check')).stderr,
    /there is no com\.example\.app:1\.0\.0 to compare it with/,
  );
  t.is(JSON.parse((await done('images', '--json')).stdout).images?.length ?? 0, 0, 'it stores nothing');
  const built = JSON.parse((await done('build', 'app', '--json')).stdout);
  const same = await done('rebuild', 'app', '--check', '--json');
  t.like(JSON.parse(same.stdout), { digest: built.digest, isSame: true });
  t.regex((await done('rebuild', 'app', '--check')).stderr, /made again, all \d layers are the same/);

  await writeFile(join(folder, 'late'), 'y');
  const differs = await run('rebuild', 'app', '--check');
  t.is(differs.code, 1);
  t.regex(differs.stderr, /but what it is made of gives sha256:\w+; 1 layer of \d differ/);
  const stored = JSON.parse((await done('rebuild', 'app', '--json')).stdout);
  t.not(stored.digest, built.digest);
  t.like(JSON.parse((await done('rebuild', 'app', '--check', '--json')).stdout), { digest: stored.digest });
});

test('img build --no-cache makes the same image again', async (t) => {
  const { folder, publish, done } = await prepare(t);
  await publish(of('1.0'));
  await writeFile(join(folder, 'late'), 'x');
  const first = JSON.parse((await done('build', 'app', '--json')).stdout);
  t.is(JSON.parse((await done('build', 'app', '--no-cache', '--json')).stdout).digest, first.digest);
});

test('img lock --keep lets an empty machine build without a package, and without a mirror', async (t) => {
  const { instance, folder, publish, server, run, done } = await prepare(t);
  await publish([
    ...of('1.0'),
    { name: 'large', data: [{ name: './usr/lib/large', content: noise('large', 90_000) }] },
  ]);
  await writeFile(join(folder, 'late'), 'x');
  const recipe = await readFile(join(folder, 'img.yaml'), 'utf8');
  await writeFile(join(folder, 'img.yaml'), recipe.replace('[tool]', '[tool, large]'));
  const host = await startTestRegistry(t, instance);
  await mkdir(join(instance.folder, 'config'), { recursive: true });
  await writeFile(join(instance.folder, 'config/config.yaml'), `registries: {default: "${host}"}\n`);
  t.is((await run('lock', 'app', '--keep')).code, 5, 'nobody is logged in');
  const { name, password } = administrator;
  await instance.run(['login', '--username', name, '--password-stdin', host], { input: password });
  t.regex((await done('lock', 'app', '--keep')).stderr, /the packages are kept in com\.example\.app/);
  t.regex((await done('lock', 'app', '--keep')).stderr, /says all this already/);
  const built = JSON.parse((await done('build', 'app', '--json')).stdout);

  server.files.clear();
  const before = server.requests.length;
  const elsewhere = {
    IMG_CACHE: join(instance.folder, 'empty-cache'),
    IMG_ROOT: join(instance.folder, 'empty-root'),
  };
  for (const locked of ['--locked', '--no-cache']) {
    const again = await instance.run(['build', 'app', locked, '--json'], { variables: elsewhere });
    t.is(again.code, 0, again.stderr);
    t.is(JSON.parse(again.stdout).digest, built.digest);
    // Made again without the cache, what the mirror has no more comes from the registry, too.
    t.is(server.requests.length > before, locked === '--no-cache');
  }
  const lock = await readFile(join(folder, 'img.lock'), 'utf8');
  t.regex(lock, /"kept": "sha256:/);
  const records = /(?<="records": \{\s*"digest": "sha256:)\w{8}/;
  await writeFile(join(folder, 'img.lock'), lock.replace(records, '00000000'));
  const variables = { ...elsewhere, IMG_CACHE: join(instance.folder, 'third-cache') };
  const lost = await instance.run(['build', 'app', '--locked', '--json'], { variables });
  t.is(JSON.parse(lost.stdout).digest, built.digest);
  t.regex(lost.stderr, /layers are made anew, because .*sha256:00000000.* 404/);
});
