import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeSuite } from '@img/builder/debian/testing/test-archive';
import { makeKey } from '@img/builder/debian/testing/test-keys';
import { startServer } from '@img/builder/debian/testing/test-server';
import { archivePackage, testPackages } from '@img/builder/testing/test-system';
import test, { type ExecutionContext } from 'ava';
import { type Instance, newInstance } from '../testing/run-img.ts';
import { writeTestApp } from '../testing/test-app.ts';
import { administrator, startTestRegistry } from '../testing/test-registry.ts';

/** A host whose names belong to a registry, which knows it. */
async function loggedIn(t: ExecutionContext): Promise<Instance> {
  const instance = await newInstance(t);
  const host = await startTestRegistry(t, instance);
  await useRegistry(instance, host);
  const login = ['login', '--username', administrator.name, '--password-stdin', host];
  t.is((await instance.run(login, { input: administrator.password })).code, 0);
  return instance;
}

async function useRegistry({ folder }: Instance, host: string): Promise<void> {
  await mkdir(join(folder, 'config'), { recursive: true });
  await writeFile(join(folder, 'config/config.yaml'), `registries: {default: "${host}"}\n`);
}

test('img build --push sends what a registry lacks, under all tags', async (t) => {
  const instance = await loggedIn(t);
  const push = async (): Promise<Record<string, unknown>> => {
    const { code, stdout, stderr } = await instance.run(['build', '--push', '--json', 'app']);
    t.is(code, 0, stderr);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  await writeTestApp(instance, 'one');
  t.like(await push(), { copiedBlobs: 2, presentBlobs: 0 });
  t.like(await push(), { copiedBlobs: 0, presentBlobs: 2 });
  await writeTestApp(instance, 'two');
  const { digest, copiedBlobs } = await push();
  t.is(copiedBlobs, 2);
  for (const tag of ['1.0.0', 'latest']) {
    const pulled = await instance.run(['pull', '--json', `com.example.app:${tag}`]);
    t.like(JSON.parse(pulled.stdout), { digest });
  }
});

test('img build --push --sign signs what it pushes', async (t) => {
  const instance = await loggedIn(t);
  const variables = { IMG_KEY_PASSPHRASE: '' };
  const run = (...words: readonly string[]) => instance.run(words, { variables });
  t.is((await run('key', 'new', 'alice')).code, 0);
  t.is((await run('trust', 'add', 'alice', '--prefix', 'com.example.')).code, 0);
  await writeTestApp(instance, 'one');
  const built = await run('build', '--push', '--sign', 'alice', 'app');
  t.regex(built.stderr, /signed with SHA256:\S+, and the list/);
  t.is((await run('pull', 'com.example.app')).code, 0);
  t.is((await run('verify', '--require', 'provenance', 'com.example.app')).code, 0);
});

test('img build --push needs no package and no layer where the registry has them, and img sbom finds them there', async (t) => {
  const instance = await loggedIn(t);
  const key = await makeKey();
  const server = await startServer(t);
  const packages = await Promise.all(testPackages.map(archivePackage));
  for (const [path, bytes] of await makeSuite({ key, packages, date: new Date() })) {
    server.files.set(path, bytes);
  }
  const os = `{mirror: "${server.url}", suites: [trixie], keyring: keys.asc}`;
  const folder = join(instance.folder, 'app');
  await mkdir(folder);
  await writeFile(join(folder, 'keys.asc'), key.keyring);
  const recipe = `name: com.example.app\nversion: 1.0.0\nos: ${os}\npackages: [tool]\n`;
  await writeFile(join(folder, 'img.yaml'), recipe);
  const build = async (machine: string) => {
    const variables = {
      IMG_CACHE: join(instance.folder, machine, 'cache'),
      IMG_ROOT: join(instance.folder, machine),
    };
    const run = (...words: readonly string[]) => instance.run(words, { variables });
    const built = await run('build', '--push', '--json', 'app');
    t.is(built.code, 0, built.stderr);
    return {
      run,
      stderr: built.stderr,
      ...(JSON.parse(built.stdout) as { digest: string; copiedBlobs: number }),
    };
  };
  const first = await build('first');
  t.is(first.copiedBlobs, 5);
  server.files.clear();
  const requests = server.requests.length;
  const second = await build('second');
  t.is(second.digest, first.digest);
  t.is(second.copiedBlobs, 2, 'what is small is sent without asking');
  t.regex(second.stderr, /3 layers, .* stayed in the registry; img run fetches what it needs/);
  t.is(server.requests.length, requests);
  const [here, there] = [
    await first.run('sbom', 'com.example.app'),
    await second.run('sbom', 'com.example.app'),
  ];
  t.is(there.code, 0, there.stderr);
  t.is(there.stdout, here.stdout);
  const { code, stderr } = await second.run('pull', 'com.example.app');
  t.is(code, 0, stderr);
});

const refusals: readonly (readonly [why: string, words: readonly string[], message: RegExp])[] = [
  ['two places', ['--push', '--output', 'oci:out'], /--push and --output go to different places/],
  ['a signature that goes nowhere', ['--sign', 'alice'], /--sign goes with --push/],
  ['it at once, not after each change', ['--watch', '--sign', 'alice'], /--sign goes with --push/],
];

for (const [why, words, message] of refusals) {
  test(`img build refuses ${why}`, async (t) => {
    const instance = await newInstance(t);
    await writeTestApp(instance, 'one');
    const { code, stderr } = await instance.run(['build', ...words, 'app']);
    t.is(code, 2);
    t.regex(stderr, message);
  });
}

test('img build --push keeps the image on this host where the registry lets nobody in', async (t) => {
  const instance = await newInstance(t);
  await useRegistry(instance, await startTestRegistry(t, instance));
  await writeTestApp(instance, 'one');
  const { code, stderr } = await instance.run(['build', '--push', 'app']);
  t.is(code, 5, stderr);
  t.regex(stderr, /log in with: img login/);
  t.regex((await instance.run(['images'])).stdout, /com\.example\.app/);
});
