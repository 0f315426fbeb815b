import { Buffer } from 'node:buffer';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { annotations } from '@img/spec/annotations';
import { mediaTypes } from '@img/spec/media-types';
import type { ProgressListener } from '@img/spec/progress';
import test from 'ava';
import type { BuiltFolder } from './build-folder.ts';
import { startServer } from './debian/testing/test-server.ts';
import { parseLock } from './lock/parse-lock.ts';
import { codeOf, layersOf, type TestDeb, TestSystem, testPackages } from './testing/test-system.ts';

const requestsOf = ({ server }: TestSystem) => server.requests.length;

test('buildFolder() makes an image of packages, files and an app', async (t) => {
  const system = await TestSystem.start(
    t,
    'packages: [tool]\nfiles: [{from: app.conf, to: /etc/, owner: www-data}]\napp: {files: src}\n' +
      'run: {cmd: [tool, --serve], user: app, env: {TZ: UTC}, ports: [8080], stop: SIGINT, workdir: /opt/app, labels: {a: b}}\n',
    { files: { 'app.conf': 'x', 'src/data': 'y' } },
  );
  const built = await system.build();
  t.deepEqual(layersOf(built), [
    'Debian package libc6 1.0-1',
    'Debian package tool 1.0-1',
    'Debian packages base-files 13.8, base-passwd 1.0-1',
    'users, alternatives and name service',
    'files app.conf',
    'app src',
  ]);
  t.deepEqual(built.image.tags as readonly string[], ['1.2.3', 'latest']);
  const { manifest, config } = await system.read(built.image.descriptor.digest);
  t.is(manifest.mediaType, mediaTypes.ociManifest);
  t.deepEqual(manifest.annotations, {
    [annotations.title]: 'com.example.app',
    [annotations.version]: '1.2.3',
  });
  t.true(manifest.layers.every((layer) => layer.mediaType === mediaTypes.ociLayerZstd));
  t.deepEqual(config.platform, { os: 'linux', architecture: 'amd64' });
  t.deepEqual(config.config, {
    ...config.config,
    user: 'app',
    cmd: ['tool', '--serve'],
    env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TZ=UTC'],
    exposedPorts: ['8080/tcp'],
    stopSignal: 'SIGINT',
    workingDir: '/opt/app',
    labels: { a: 'b' },
  });
  t.is(config.diffIds.length, 6);
  t.is(config.history[1]?.createdBy, 'img: Debian package tool 1.0-1');
});

test('buildFolder() writes a lock that names no mirror, and keeps to it without a network', async (t) => {
  const system = await TestSystem.start(t, 'packages: [tool, small]\n');
  const first = await system.build();
  t.is(first.lockFile, join(system.folder, 'img.lock'));
  t.true(first.isLockChanged);
  const text = await readFile(join(system.folder, 'img.lock'), 'utf8');
  t.notRegex(text, /127\.0\.0\.1|http/);
  t.deepEqual(parseLock(Buffer.from(text), 'img.lock'), first.image.lock);

  const requests = requestsOf(system);
  const second = await system.build({ isLocked: true });
  t.is(second.image.descriptor.digest, first.image.descriptor.digest);
  t.false(second.isLockChanged);
  t.is(requestsOf(system), requests);

  // Converted again from the .debs that were downloaded.
  await rm(join(system.cacheFolder, 'layers-2'), { recursive: true });
  system.server.files.clear();
  t.is((await system.build()).image.descriptor.digest, first.image.descriptor.digest);
  t.is(requestsOf(system), requests);
});

test('buildFolder() adds the users that packages ask for, and says so from the cache, too', async (t) => {
  const conf = 'u service 250 "A service" /var/lib/service\n';
  const service: TestDeb = {
    name: 'service',
    data: [{ name: './usr/lib/sysusers.d/service.conf', content: conf, mode: 0o644 }],
  };
  const system = await TestSystem.start(t, 'packages: [service]\napp: {files: src}\nrun: {user: service}\n', {
    files: { 'src/data': 'x' },
    packages: [...testPackages, service],
  });
  const built = await system.build();
  t.true(layersOf(built).includes('users, alternatives and name service'));
  t.is((await system.build()).image.descriptor.digest, built.image.descriptor.digest);
  await system.write({ 'img.yaml': system.recipe('packages: [service]\nrun: {user: nobody-else}\n') });
  await t.notThrowsAsync(system.build());
  await system.write({
    'img.yaml': system.recipe('packages: [service]\nfiles: [{from: src, to: /data/, owner: service}]\n'),
  });
  await t.notThrowsAsync(system.build());
});

test('buildFolder() keeps to the lock when the archive has newer packages', async (t) => {
  const system = await TestSystem.start(t, 'packages: [small]\n');
  const first = await system.build();
  const newer = testPackages.map((each) => (each.name === 'small' ? { ...each, version: '2.0-1' } : each));
  await system.publish(newer, new Date('2026-11-21T10:00:00Z'));
  t.is((await system.build()).image.descriptor.digest, first.image.descriptor.digest);
  await rm(join(system.folder, 'img.lock'));
  const updated = await system.build();
  t.not(updated.image.descriptor.digest, first.image.descriptor.digest);
  t.true(layersOf(updated).some((what) => what.includes('small 2.0-1')));
});

test('buildFolder() gives the same digest from another mirror and another folder', async (t) => {
  const system = await TestSystem.start(t, 'packages: [small]\n');
  const first = await system.build();
  const mirror = await startServer(t, new Map(system.server.files as Map<string, Uint8Array>));
  await rm(join(system.folder, 'img.lock'));
  await system.write({ 'img.yaml': system.recipe('packages: [small]\n', mirror.url) });
  await rm(system.cacheFolder, { recursive: true });
  t.is((await system.build()).image.descriptor.digest, first.image.descriptor.digest);
  t.true(mirror.requests.length > 0);
});

test("buildFolder() changes only the app's layer when only the app changes", async (t) => {
  const system = await TestSystem.start(t, 'packages: [tool]\napp: {files: src}\n', {
    files: { 'src/a': '1', 'src/b': '2' },
  });
  const before = await system.build();
  await system.write({ 'src/a': 'one line' });
  const after = await system.build();
  const digests = (built: BuiltFolder) => built.image.images[0]?.layers.map(({ digest }) => digest) ?? [];
  t.deepEqual(digests(after).slice(0, -1), digests(before).slice(0, -1));
  t.not(digests(after).at(-1), digests(before).at(-1));
  t.false(after.isLockChanged);
});

test('buildFolder() compresses with gzip on request: the same layers, and the same lock', async (t) => {
  const system = await TestSystem.start(t, 'packages: [tool, small]\napp: {files: src}\n', {
    files: { 'src/a': 'x' },
  });
  const zstd = await system.build();
  const gzip = await system.build({ compression: 'gzip' });
  t.false(gzip.isLockChanged);
  const [a, b] = [
    await system.read(zstd.image.descriptor.digest),
    await system.read(gzip.image.descriptor.digest),
  ];
  t.deepEqual(b.config.diffIds, a.config.diffIds);
  t.true(b.manifest.layers.every((layer) => layer.mediaType === mediaTypes.ociLayerGzip));
  t.is((await system.build({ compression: 'gzip' })).image.descriptor.digest, gzip.image.descriptor.digest);
  t.is((await system.build()).image.descriptor.digest, zstd.image.descriptor.digest);
});

test('buildFolder() says why a lock does not hold, and refuses it where it must', async (t) => {
  const system = await TestSystem.start(t, 'packages: [tool]\n');
  t.is(await codeOf(system.build({ isLocked: true })), 'LOCK_OUTDATED');
  await system.build();
  await system.write({ 'img.yaml': system.recipe('packages: [small]\n') });
  t.is(await codeOf(system.build({ isLocked: true })), 'LOCK_OUTDATED');
  t.true((await system.build()).isLockChanged);
  t.deepEqual(system.notes, [
    'img.lock is made anew: packages has small in addition; packages has no tool any more',
  ]);
});

test('buildFolder() refuses an archive that has been rolled back since the lock', async (t) => {
  const system = await TestSystem.start(t, 'packages: [small]\n');
  await system.build();
  await system.publish(testPackages, new Date('2026-11-20T08:00:00Z'));
  await rm(system.cacheFolder, { recursive: true });
  await system.write({ 'img.yaml': system.recipe('packages: [tool]\n') });
  t.is(await codeOf(system.build()), 'RELEASE_ROLLED_BACK');
});

test('buildFolder() adds the shell of a script that the image starts, and tells so', async (t) => {
  const system = await TestSystem.start(t, 'packages: [script]\nrun: {cmd: [script]}\n');
  const built = await system.build();
  t.true(layersOf(built).some((what) => what.includes('dash 1.0-1')));
  t.deepEqual(system.notes, [
    'dash is needed, because /usr/bin/script, which the image starts, is a script for /bin/sh',
    'coreutils is needed, because /usr/bin/script, which the image starts, is a script for /bin/sh',
  ]);
  // The lock holds for what was asked for, although it has more; and not for a start that needs more.
  t.is((await system.build({ isLocked: true })).image.descriptor.digest, built.image.descriptor.digest);

  await system.write({ 'img.yaml': system.recipe('packages: [script, small]\nrun: {cmd: [small]}\n') });
  t.false(layersOf(await system.build()).some((what) => what.includes('dash')));
  await system.write({ 'img.yaml': system.recipe('packages: [script, small]\nrun: {cmd: [script]}\n') });
  await t.throwsAsync(system.build({ isLocked: true }), { code: 'LOCK_OUTDATED', message: /dash is needed/ });
  t.true(layersOf(await system.build()).some((what) => what.includes('dash')));
});

test('buildFolder() links the alternative of the highest priority', async (t) => {
  const system = await TestSystem.start(t, 'packages: [mawk, gawk]\nrun: {cmd: [awk]}\n');
  const { images } = (await system.build()).image;
  t.true(images[0]?.layers.some(({ what }) => what.startsWith('users, alternatives')));
  await system.write({ 'img.yaml': system.recipe('packages: [mawk, gawk]\nrun: {cmd: [akw]}\n') });
  await t.throwsAsync(system.build(), { code: 'PROGRAM_MISSING' });
});

test('buildFolder() of scratch has only what the recipe names, and needs no lock', async (t) => {
  const system = await TestSystem.start(t, '');
  const recipe =
    'name: com.example.app\nversion: 1.2.3\nos: scratch\nfiles: [{from: agent, to: /bin/, mode: "0755"}]\n';
  await system.write({ 'img.yaml': `${recipe}run: {cmd: [/bin/agent], user: agent}\n`, agent: 'ELF' });
  const built = await system.build({ isLocked: true });
  t.is(built.image.lock, undefined);
  t.false((await readdir(system.folder)).includes('img.lock'));
  t.deepEqual(layersOf(built), ['users, alternatives and name service', 'files agent']);
  const { config, manifest } = await system.read(built.image.descriptor.digest);
  t.is(config.created, undefined);
  t.is(manifest.annotations[annotations.created], undefined);
  t.is(requestsOf(system), 0);

  const dated = await system.build({ sourceDateEpoch: 1_700_000_000 });
  t.is((await system.read(dated.image.descriptor.digest)).config.created, '2023-11-14T22:13:20Z');
});

test('buildFolder() makes an index of several platforms', async (t) => {
  const system = await TestSystem.start(t, '');
  const recipe = 'name: com.example.app\nversion: latest\nos: scratch\nfiles: [{from: agent, to: /}]\n';
  await system.write({ 'img.yaml': `${recipe}platforms: [linux/arm64, linux/amd64]\n`, agent: 'data' });
  const built = await system.build();
  t.is(built.image.descriptor.mediaType, mediaTypes.ociIndex);
  t.deepEqual(built.image.tags as readonly string[], ['latest']);
  t.deepEqual(
    built.image.images.map(({ platform }) => platform.architecture),
    ['arm64', 'amd64'],
  );
  const [first] = built.image.images;
  t.is(
    (await system.read(first?.manifest.descriptor.digest ?? built.image.descriptor.digest)).config.platform
      .architecture,
    'arm64',
  );
});

test('buildFolder() says when the newest package was built, and with SOURCE_DATE_EPOCH that time', async (t) => {
  const mtime = new Date('2026-03-01T12:00:00Z');
  const dated: TestDeb = {
    name: 'dated',
    data: [{ name: './usr/bin/dated', content: 'x', mode: 0o755, mtime }],
  };
  const system = await TestSystem.start(t, 'packages: [dated]\napp: {files: src}\n', {
    packages: [...testPackages, dated],
    files: { 'src/a': 'x' },
  });
  const created = async (built: BuiltFolder) =>
    (await system.read(built.image.descriptor.digest)).config.created;
  const plain = await system.build();
  t.is(await created(plain), '2026-03-01T12:00:00Z');
  const epoch = await system.build({ sourceDateEpoch: 1_000_000_000 });
  t.is(await created(epoch), '2001-09-09T01:46:40Z');
  // Packages' layers are shared between images, so they have no time of any image.
  const ids = (built: BuiltFolder) => built.image.images[0]?.layers.map(({ diffId }) => diffId) ?? [];
  t.deepEqual(ids(epoch).slice(0, -1), ids(plain).slice(0, -1));
  t.not(ids(epoch).at(-1), ids(plain).at(-1));
});

test('buildFolder() stops when it is told to, and the next build goes on', async (t) => {
  const system = await TestSystem.start(t, 'packages: [tool, small]\n');
  const controller = new AbortController();
  const building = system.build({
    signal: controller.signal,
    onProgress: (event) => {
      if (event.kind === 'start' && event.what.startsWith('convert')) controller.abort(new Error('stop'));
    },
  });
  await t.throwsAsync(building, { message: /stop|abort/ });
  t.is(layersOf(await system.build()).length, 4);
});

test('buildFolder() takes an img.yaml under another name, with a lock of its own', async (t) => {
  const system = await TestSystem.start(t, '');
  await system.write({ 'other.yaml': system.recipe('packages: [small]\n') });
  t.is(
    (await system.build({}, join(system.folder, 'other.yaml'))).lockFile,
    join(system.folder, 'other.lock'),
  );
});

test('buildFolder() makes every layer again if it is told to, and the same ones', async (t) => {
  const system = await TestSystem.start(t, 'packages: [tool, small]\n');
  const converted = async (isFresh: boolean) => {
    const items: string[] = [];
    const onProgress: ProgressListener = (event) => {
      if (event.kind === 'start' && event.what.startsWith('convert')) items.push(event.what);
    };
    const built = await system.build({ isFresh, onProgress });
    return { digest: built.image.descriptor.digest, count: items.length };
  };
  const first = await converted(false);
  t.is(first.count, 5);
  t.deepEqual(await converted(false), { ...first, count: 0 });
  t.deepEqual(await converted(true), first);
});
