import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LayoutTarget } from '@img/registry/layout/layout-target';
import { openLayout } from '@img/registry/layout/open-layout';
import { type PlatformImage, readImage } from '@img/runtime/read-image';
import { needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { parsePlatform } from '@img/spec/platform';
import test, { type ExecutionContext } from 'ava';
import { codeOf, TestSystem } from '../testing/test-system.ts';
import { gitAnnotations } from './git-annotations.ts';
import { writeDockerArchive } from './write-docker-archive.ts';
import { writeRootfs } from './write-rootfs.ts';

/** An image in a layout. */
async function build(t: ExecutionContext) {
  const system = await TestSystem.start(t, 'packages: [small]\napp: {files: src}\n', {
    files: { 'src/a': 'one', 'src/deep/b': 'two' },
  });
  const layout = join(system.folder, '../layout');
  const target = await LayoutTarget.open(layout);
  const { image } = await system.build({ targetFor: () => target });
  const source = await openLayout(layout);
  t.teardown(() => source[Symbol.asyncDispose]());
  const [built] = image.images;
  if (built === undefined) throw new Error('nothing was built');
  const read: PlatformImage = await readImage(built.manifest, source, parsePlatform('linux/amd64'));
  return { layout, source, image: read };
}

test('buildFolder() builds into an image layout that skopeo reads', async (t) => {
  const { layout, image } = await build(t);
  if (!needsTool(t, 'skopeo')) return;
  const text = execFileSync('skopeo', ['inspect', `oci:${layout}:1.2.3`], { encoding: 'utf8' });
  t.is(JSON.parse(text).Digest, image.digest);
});

test('writeRootfs() lays out the files of an image, or nothing', async (t) => {
  const { source, image } = await build(t);
  const folder = join(temporaryFolder(t), 'root');
  if (process.getuid?.() !== 0) {
    t.log('left out: only root can give files away');
    t.pass();
    return;
  }
  await writeRootfs(image, source, folder);
  t.is(await readFile(join(folder, 'opt/app/deep/b'), 'utf8'), 'two');
  t.is(await readFile(join(folder, 'etc/os-release'), 'utf8'), 'ID=test\n');
  t.deepEqual(await readdir(join(folder, '..')), ['root']);
  t.is(await codeOf(writeRootfs(image, source, folder)), 'OUTPUT_OCCUPIED');
});

test('writeDockerArchive() writes what skopeo and our own reader take for the same image', async (t) => {
  const { source, image } = await build(t);
  const folder = temporaryFolder(t);
  const options = { names: ['com.example.app:1.2.3', 'com.example.app:latest'], temporaryFolder: folder };
  await writeDockerArchive(image, source, join(folder, 'a.tar'), options);
  await writeDockerArchive(image, source, join(folder, 'b.tar'), options);
  t.deepEqual(await readFile(join(folder, 'a.tar')), await readFile(join(folder, 'b.tar')));
  await using archive = await openLayout(join(folder, 'a.tar'));
  t.deepEqual(
    archive.images.map(({ name }) => name),
    options.names,
  );
  const content = await archive.getManifest(archive.images[0]?.descriptor.digest as never);
  const read = content && (await readImage(content, archive, parsePlatform('linux/amd64')));
  t.deepEqual(read?.config, image.config);
  if (!needsTool(t, 'skopeo')) return;
  const place = `docker-archive:${join(folder, 'a.tar')}:com.example.app:1.2.3`;
  const { Layers: layers } = JSON.parse(execFileSync('skopeo', ['inspect', place], { encoding: 'utf8' }));
  t.deepEqual(layers, [...image.config.diffIds]);
});

test('gitAnnotations() start no file monitor, which the settings of a checkout name', async (t) => {
  if (!needsTool(t, 'git')) return;
  const folder = temporaryFolder(t);
  const git = (...args: readonly string[]) => execFileSync('git', args, { cwd: folder, stdio: 'ignore' });
  git('init', '-q');
  await writeFile(join(folder, 'monitor'), '#!/bin/sh\n: > "$(dirname "$0")/started"\n', { mode: 0o755 });
  git('add', '.');
  git('-c', 'user.name=a', '-c', 'user.email=a@example.com', 'commit', '-qm', 'first');
  git('config', 'core.fsmonitor', join(folder, 'monitor'));
  await gitAnnotations(folder);
  t.false((await readdir(folder)).includes('started'));
  git('status');
  t.true((await readdir(folder)).includes('started'), 'as git does by itself');
});

test('gitAnnotations() refuse a checkout whose settings have git start a filter', async (t) => {
  if (!needsTool(t, 'git')) return;
  const folder = temporaryFolder(t);
  const git = (...args: readonly string[]) => execFileSync('git', args, { cwd: folder, stdio: 'ignore' });
  git('init', '-q');
  await writeFile(join(folder, '.gitattributes'), '* filter=odd\n');
  await writeFile(join(folder, 'file'), 'first\n');
  git('add', '.');
  git('-c', 'user.name=a', '-c', 'user.email=a@example.com', 'commit', '-qm', 'first');
  git('config', 'filter.odd.clean', `touch ${join(folder, 'started')}; cat`);
  await writeFile(join(folder, 'file'), 'other\n');
  const error = await t.throwsAsync(gitAnnotations(folder), { code: 'SOURCE_UNVERSIONED' });
  t.regex(error?.message ?? '', /by its setting "filter\.odd\.clean"$/);
  t.false((await readdir(folder)).includes('started'));
  git('status');
  t.true((await readdir(folder)).includes('started'), 'as git does by itself');
});

test('gitAnnotations() say the commit, whether there are changes, and where it is from, without passwords', async (t) => {
  if (!needsTool(t, 'git')) return;
  const folder = temporaryFolder(t);
  t.is(await codeOf(gitAnnotations(folder)), 'SOURCE_UNVERSIONED');
  const git = (...args: readonly string[]) => {
    const as = ['-c', 'user.name=a', '-c', 'user.email=a@example.com', '-c', 'init.defaultBranch=main'];
    return execFileSync('git', [...as, ...args], { cwd: folder, encoding: 'utf8' }).trim();
  };
  git('init', '-q');
  await mkdir(join(folder, 'app'));
  await writeFile(join(folder, 'app/a'), 'a');
  git('add', '.');
  git('commit', '-qm', 'first');
  const revision = git('rev-parse', 'HEAD');
  const key = 'org.opencontainers.image';
  t.deepEqual(await gitAnnotations(join(folder, 'app')), { [`${key}.revision`]: revision });
  await writeFile(join(folder, 'other'), 'x');
  t.is((await gitAnnotations(join(folder, 'app')))[`${key}.revision`], revision);
  await writeFile(join(folder, 'app/a'), 'b');
  t.is((await gitAnnotations(join(folder, 'app')))[`${key}.revision`], `${revision}-dirty`);
  const origins = [
    ['https://me:secret@example.com/a/b.git', 'https://example.com/a/b.git'],
    ['git@example.com:a/b.git', 'https://example.com/a/b.git'],
    ['/srv/git/b', undefined],
  ] as const;
  for (const [origin, source] of origins) {
    git('config', 'remote.origin.url', origin);
    t.is((await gitAnnotations(folder))[`${key}.source`], source);
  }
});
