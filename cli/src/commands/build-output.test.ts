import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { needsRoot, needsTool } from '@img/sign/testing/needs';
import test, { type ExecutionContext } from 'ava';
import { newInstance } from '../testing/run-img.ts';

/** An instance with an app of plain files, and what they say of the packages in the image. */
async function prepare(t: ExecutionContext) {
  const instance = await newInstance(t);
  const write = async (version: string, libc: string) => {
    const folder = join(instance.folder, 'app');
    await mkdir(join(folder, 'packages'), { recursive: true });
    const stanza = `Package: libc6\nStatus: install ok installed\nVersion: ${libc}\nArchitecture: amd64\n`;
    await writeFile(join(folder, 'packages/libc6'), stanza);
    await writeFile(
      join(folder, 'img.yaml'),
      `name: com.example.app\nversion: ${version}\nos: scratch\n` +
        'files: [{from: packages, to: /var/lib/dpkg/status.d}]\napp: {files: packages, to: /srv}\n',
    );
  };
  await write('1.0', '2.41');
  const done = async (...words: readonly string[]) => {
    const result = await instance.run(words);
    t.is(result.code, 0, result.stderr);
    return result.stdout;
  };
  return { ...instance, write, done };
}

test('img build --output writes layouts and archives, and nothing else', async (t) => {
  const { folder, done, run } = await prepare(t);
  t.regex(await done('build', 'app', '--output', 'oci:layout'), /^oci:layout {2}sha256:/);
  await done('build', 'app', '--output', 'oci-archive:a.tar');
  await done('build', 'app', '--output', 'docker-archive:d.tar');
  t.deepEqual((await readdir(folder)).sort(), ['a.tar', 'app', 'd.tar', 'layout']);
  t.is(JSON.parse(await done('images', '--json')).images?.length ?? 0, 0);
  for (const place of ['oci:layout:1.0', 'oci-archive:a.tar:1.0', 'docker-archive:d.tar:1.0']) {
    await done('copy', place, `host:com.example.copy:${place.slice(0, 3)}`);
  }
  t.like(await run(['build', 'app', '--output', 'tar:x']), { code: 2 });
  if (!needsTool(t, 'skopeo')) return;
  execFileSync('skopeo', ['inspect', `docker-archive:${folder}/d.tar:com.example.app:1.0`]);
});

test('img build --output rootfs: writes the files of an image', async (t) => {
  const { folder, done, run } = await prepare(t);
  if (!needsRoot(t)) return;
  await done('build', 'app', '--output', 'rootfs:root');
  t.regex(await readFile(join(folder, 'root/srv/libc6'), 'utf8'), /^Package: libc6/);
  const again = await run(['build', 'app', '--output', 'rootfs:root']);
  t.is(again.code, 1);
  t.regex(again.stderr, /there is something in ".*root" already/);
});

test('img build --git annotates an image with the commit', async (t) => {
  const { folder, done, run } = await prepare(t);
  if (!needsTool(t, 'git')) return;
  t.is((await run(['build', 'app', '--git'])).code, 1);
  const git = (...args: readonly string[]) => {
    const as = ['-c', 'user.name=a', '-c', 'user.email=a@example.com'];
    return execFileSync('git', [...as, ...args], { cwd: join(folder, 'app'), encoding: 'utf8' }).trim();
  };
  git('init', '-q');
  git('add', '.');
  git('commit', '-qm', 'first');
  await done('build', 'app', '--git');
  const { annotations } = JSON.parse(await done('inspect', 'com.example.app', '--json'));
  t.is(annotations['org.opencontainers.image.revision'], git('rev-parse', 'HEAD'));
});

test('img build remembers the commit for the statement of how an image was built, not in the image', async (t) => {
  const { folder, run } = await prepare(t);
  if (!needsTool(t, 'git')) return;
  // Of its own, because other tests build the same image elsewhere.
  const cache = join(folder, 'cache');
  const build = async (): Promise<string> => {
    const built = await run(['build', 'app', '--json'], { variables: { IMG_CACHE: cache } });
    t.is(built.code, 0, built.stderr);
    return JSON.parse(built.stdout).digest;
  };
  const before = await build();
  const git = (...args: readonly string[]) => {
    const as = ['-c', 'user.name=a', '-c', 'user.email=a@example.com'];
    return execFileSync('git', [...as, ...args], { cwd: folder, encoding: 'utf8' }).trim();
  };
  git('init', '-q');
  git('add', 'app');
  git('commit', '-qm', 'first');
  const digest = await build();
  t.is(digest, before);
  const file = join(cache, `provenance/${digest.slice(digest.indexOf(':') + 1)}.json`);
  const { buildDefinition } = JSON.parse(await readFile(file, 'utf8'));
  t.deepEqual(buildDefinition.resolvedDependencies, [{ digest: { gitCommit: git('rev-parse', 'HEAD') } }]);
});

test('img sbom lists what is in an image', async (t) => {
  const { done, run } = await prepare(t);
  await done('build', 'app');
  const spdx = JSON.parse(await done('sbom', 'com.example.app'));
  t.deepEqual(
    spdx.packages.map(({ name }: { name: string }) => name),
    ['com.example.app:latest', 'libc6'],
  );
  t.is(await done('sbom', 'com.example.app'), await done('sbom', 'com.example.app'));
  const cycloneDx = JSON.parse(await done('sbom', '--format', 'cyclonedx', 'com.example.app'));
  t.is(cycloneDx.components[0].purl, 'pkg:deb/debian/libc6@2.41?arch=amd64');
  t.like(await run(['sbom', '--format', 'xml', 'com.example.app']), { code: 2 });
});

test('img diff compares the packages of two images', async (t) => {
  const { done, write } = await prepare(t);
  await done('build', 'app');
  await write('1.1', '2.42');
  await done('build', 'app');
  const text = await done('diff', 'com.example.app:1.0', 'com.example.app:1.1');
  t.regex(text, /~ +deb libc6 +2\.41 +2\.42/);
  t.regex(text, /2 of 2 layers new, .* to transfer/);
  const { changed, before, after } = JSON.parse(
    await done('diff', 'com.example.app:1.0', 'com.example.app:1.1', '--json'),
  );
  t.is(changed.length, 1);
  t.not(before, after);
});

test('img inspect --layers shows which packages each layer holds', async (t) => {
  const { done } = await prepare(t);
  await done('build', 'app');
  const text = await done('inspect', '--layers', 'com.example.app');
  t.regex(text, /sha256:\S+ +\S+ \S+ +1 {2}libc6 2\.41\n/);
  t.regex(text, /app packages/);
  const { layers } = JSON.parse(await done('inspect', '--layers', 'com.example.app', '--json'));
  t.deepEqual(layers[0].packages, [{ type: 'deb', name: 'libc6', version: '2.41' }]);
});
