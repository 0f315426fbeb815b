import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LayoutTarget } from '@img/registry/layout/layout-target';
import { openLayout } from '@img/registry/layout/open-layout';
import { putTestImage, putTestIndex } from '@img/runtime/testing/test-image';
import type { ImageConfig } from '@img/spec/image-config';
import { parsePlatform } from '@img/spec/platform';
import { parseTag } from '@img/spec/tag';
import test, { type ExecutionContext } from 'ava';
import type { OpenBase } from './base/open-base.ts';
import { type DebMember, makeTar } from './testing/make-deb.ts';
import { codeOf, layersOf, TestSystem } from './testing/test-system.ts';

const tag = parseTag('1.0');
const platform = parsePlatform('linux/amd64');
const config: ImageConfig = {
  platform,
  created: '2026-01-02T03:04:05Z',
  author: undefined,
  config: {
    user: 'daemon',
    exposedPorts: ['80/tcp'],
    env: ['PATH=/opt/bin:/usr/bin', 'A=1', 'B=2'],
    entrypoint: ['/usr/bin/enter'],
    cmd: ['serve'],
    volumes: ['/data'],
    workingDir: '/srv',
    labels: { base: 'yes', team: 'a' },
    stopSignal: 'SIGQUIT',
    healthcheck: undefined,
  },
  diffIds: [],
  history: [
    {
      created: undefined,
      createdBy: 'made by hand',
      author: undefined,
      comment: undefined,
      emptyLayer: false,
    },
  ],
};

const folder = (name: string): DebMember => ({ name, type: 'directory', mode: 0o755 });
const file = (name: string, content = 'x', mode = 0o755): DebMember => ({ name, content, mode });
const link = (name: string, linkname: string): DebMember => ({
  name,
  type: 'symlink',
  linkname,
  mode: 0o777,
});

const lowest = [
  folder('etc'),
  file('etc/passwd', 'root:x:0:0::/:\ndaemon:x:7:8::/:\n', 0o644),
  file('etc/group', 'root:x:0:\nstaff:x:50:\n', 0o644),
  folder('usr'),
  folder('usr/bin'),
  file('usr/bin/enter'),
  file('usr/bin/old'),
  folder('usr/share'),
  file('usr/share/doc'),
  link('bin', 'usr/bin'),
];
const highest = [file('usr/bin/.wh.old', ''), file('usr/share/.wh..wh..opq', ''), file('usr/share/new')];

type Base = { readonly open: OpenBase; readonly opened: string[]; readonly path: string };

/** A layout with an image, and how builds find it. */
async function makeBase(
  t: ExecutionContext,
  system: TestSystem,
  layers: readonly (readonly DebMember[])[] = [lowest, highest],
): Promise<Base> {
  const path = join(system.folder, '../base');
  const target = await LayoutTarget.open(path);
  const tars = await Promise.all(layers.map(makeTar));
  await putTestImage(target, config, { tag, layers: tars });
  const opened: string[] = [];
  const open: OpenBase = async (name, from) => {
    opened.push(name);
    t.is(from, system.folder);
    const source = await openLayout(path);
    return { source, reference: tag, [Symbol.asyncDispose]: () => source[Symbol.asyncDispose]() };
  };
  return { open, opened, path };
}

const recipe = (lines = '') => `name: com.example.app\nversion: 1.2.3\nfrom: oci:../base\n${lines}`;

async function start(t: ExecutionContext, lines: string, layers?: readonly (readonly DebMember[])[]) {
  const system = await TestSystem.start(t, '', { files: { 'img.yaml': recipe(lines), 'src/a': 'a' } });
  return { system, base: await makeBase(t, system, layers) };
}

test('buildFolder() builds upon an image: its layers byte for byte, its config by the rules of FROM', async (t) => {
  const { system, base } = await start(
    t,
    'app: {files: src, to: /bin}\nrun: {env: {B: 3, C: 4}, ports: [81], labels: {team: b}, cmd: [other]}\n',
  );
  const built = await system.build({ openBase: base.open });
  t.deepEqual(layersOf(built), ['layer 1 of oci:../base', 'layer 2 of oci:../base', 'app src']);
  const source = await openLayout(base.path);
  const below = await source.getManifest(tag);
  const { manifest, config: result } = await system.read(built.image.descriptor.digest);
  t.is(manifest.annotations['org.opencontainers.image.base.digest'], below?.descriptor.digest);
  t.is(built.image.lock?.platforms.get('linux/amd64')?.base, below?.descriptor.digest);
  const tars = await Promise.all([lowest, highest].map(makeTar));
  t.deepEqual(
    manifest.layers.slice(0, 2).map(({ mediaType, size }) => [mediaType, size]),
    tars.map(({ byteLength }) => ['application/vnd.oci.image.layer.v1.tar', byteLength]),
  );
  t.deepEqual(result.config, {
    ...config.config,
    exposedPorts: ['80/tcp', '81/tcp'],
    env: ['PATH=/opt/bin:/usr/bin', 'A=1', 'B=3', 'C=4'],
    cmd: ['other'],
    labels: { base: 'yes', team: 'b' },
  });
  t.is(result.diffIds.length, 3);
  t.deepEqual(
    result.history.map(({ createdBy }) => createdBy),
    ['made by hand', 'img: app src'],
  );
  t.is(result.created, config.created);
});

test('buildFolder() builds upon an image without asking for it again once it is locked', async (t) => {
  const { system, base } = await start(t, 'app: {files: src}\n');
  const first = await system.build({ openBase: base.open });
  t.true(first.isLockChanged);
  t.deepEqual(base.opened, ['oci:../base']);
  const second = await system.build({ openBase: base.open, isLocked: true });
  t.is(second.image.descriptor.digest, first.image.descriptor.digest);
  t.is(base.opened.length, 1);
  const lockFile = join(system.folder, 'img.lock');
  await writeFile(
    lockFile,
    (await readFile(lockFile, 'utf8')).replace(/"debian-layer\/\d+"/, '"debian-layer/0"'),
  );
  t.is((await system.build({ isLocked: true })).image.descriptor.digest, first.image.descriptor.digest);
  // The name leads to another image now; the lock keeps to the first one until it is to be updated.
  await putTestImage(await LayoutTarget.open(base.path), config, { tag, layers: [await makeTar(lowest)] });
  await rm(system.cacheFolder, { recursive: true });
  const third = await system.build({ openBase: base.open });
  t.is(third.image.descriptor.digest, first.image.descriptor.digest);
  const updated = await system.build({ openBase: base.open, updates: 'all' });
  t.deepEqual(layersOf(updated), ['layer 1 of oci:../base', 'app src']);
});

test('buildFolder() takes users and programs from the image below, as its layers leave them', async (t) => {
  const { system, base } = await start(
    t,
    'files: [{from: src/a, to: /etc/a, owner: daemon:staff}]\nrun: {entrypoint: [enter], user: app}\n',
  );
  const built = await system.build({ openBase: base.open });
  const { config: result } = await system.read(built.image.descriptor.digest);
  t.deepEqual([result.config.entrypoint, result.config.cmd, result.config.user], [['enter'], [], 'app']);

  await system.write({ 'img.yaml': recipe('run: {entrypoint: [old]}\n') });
  t.is(await codeOf(system.build({ openBase: base.open })), 'PROGRAM_MISSING', 'a higher layer removed it');
  await system.write({ 'img.yaml': recipe('files: [{from: src/a, to: /a, owner: www-data}]\n') });
  t.is(await codeOf(system.build({ openBase: base.open })), 'OWNER_UNKNOWN');
  await system.write({ 'img.yaml': recipe('files: [{from: src/a, to: /usr/share/doc/a}]\n') });
  t.is(await codeOf(system.build({ openBase: base.open })), 'none', 'an opaque folder has lost the file doc');
});

test('buildFolder() takes the image of its platform out of an index, and no other', async (t) => {
  const { system, base } = await start(t, 'app: {files: src}\n');
  const target = await LayoutTarget.open(base.path);
  const arm = parsePlatform('linux/arm64');
  const images = [
    [arm, await putTestImage(target, { ...config, platform: arm }, { layers: [await makeTar(highest)] })],
    [platform, await putTestImage(target, config, { layers: [await makeTar(lowest)] })],
  ] as const;
  await putTestIndex(target, images, tag);
  const built = await system.build({ openBase: base.open });
  t.is(built.image.lock?.platforms.get('linux/amd64')?.base, images[1][1].descriptor.digest);

  await putTestImage(target, { ...config, platform: arm }, { tag, layers: [await makeTar(lowest)] });
  t.is(await codeOf(system.build({ openBase: base.open, updates: 'all' })), 'BASE_UNSUPPORTED');
});

const hostile: readonly (readonly [why: string, members: readonly DebMember[]])[] = [
  ['a name that leads out of the image', [file('../etc/passwd')]],
  ['a whiteout of its own folder', [file('a/.wh...', '')]],
  ['something below a whiteout', [file('.wh.a/b')]],
];

for (const [why, members] of hostile) {
  test(`buildFolder() refuses a base with ${why}`, async (t) => {
    const { system, base } = await start(t, '', [members]);
    t.is(await codeOf(system.build({ openBase: base.open })), 'BASE_INVALID');
  });
}

test('buildFolder() says what is wrong with a base', async (t) => {
  const { system, base } = await start(t, '');
  t.is(await codeOf(system.build()), 'BASE_UNSUPPORTED', 'nothing to find images with');
  await rm(join(base.path, 'index.json'));
  await LayoutTarget.open(base.path);
  t.is(await codeOf(system.build({ openBase: base.open })), 'BASE_MISSING');
  await system.write({ 'img.yaml': recipe('packages: [tool]\n') });
  t.is(await codeOf(system.build({ openBase: base.open })), 'RECIPE_INVALID', 'packages on an image');
  await system.write({ 'img.yaml': recipe('os: scratch\n') });
  t.is(await codeOf(system.build({ openBase: base.open })), 'RECIPE_INVALID', 'both');
  await system.write({ 'img.yaml': 'name: a\nversion: 1\n' });
  t.is(await codeOf(system.build({ openBase: base.open })), 'RECIPE_INVALID', 'neither');
});
