import { join } from 'node:path';
import { newInstance } from '@img/cli/testing/run-img';
import { administrator, startTestRegistry } from '@img/cli/testing/test-registry';
import { digestOf } from '@img/spec/digest';
import test from 'ava';
import { runForRefusal, withVariables } from '../testing/instance.ts';
import { done, hostOf, publish } from '../testing/stage.ts';
import { sceneWith } from './outside-tools.ts';

const plain = '--tls-verify=false';
const fromPlain = '--src-tls-verify=false';
const toPlain = '--dest-tls-verify=false';
const bothPlain = [fromPlain, toPlain];

for (const [kind, buildOptions] of [
  ['an image', []],
  ['an index of images', ['--platform', 'linux/amd64', 'linux/arm64']],
] as const) {
  test(`skopeo copies ${kind} of ours out of the registry and in again, byte for byte`, async (t) => {
    const scene = await sceneWith(t, 'skopeo');
    if (scene === undefined) return;
    const { stage, tools } = scene;
    const { skopeo } = tools;
    await publish(stage, {}, buildOptions);
    const ours = `docker://${stage.registry}/com.example.app:1.0.0`;
    const raw = await done(stage.publisher, ['inspect', '--raw', '--remote', 'com.example.app:1.0.0']);
    t.is(await skopeo.ok('inspect', plain, '--raw', ours), raw);
    const layout = join(stage.folder, 'layout');
    await skopeo.ok('copy', '--all', fromPlain, ours, `oci:${layout}:1.0.0`);
    // The name and password are those of img login.
    const copied = `docker://${stage.registry}/com.example.copied:1.0.0`;
    await skopeo.ok('copy', '--all', toPlain, `oci:${layout}:1.0.0`, copied);
    t.is(await done(stage.host, ['inspect', '--raw', 'com.example.copied:1.0.0']), raw);
    await done(stage.host, ['copy', `oci:${layout}:1.0.0`, 'host:com.example.read:1.0.0']);
    t.is(await done(stage.host, ['inspect', '--raw', 'com.example.read:1.0.0']), raw);
  });
}

test('skopeo reads what img writes, shows what is in it, and deletes it', async (t) => {
  const scene = await sceneWith(t, 'skopeo');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const { skopeo } = tools;
  await publish(stage, { says: 'hello' });
  const raw = await done(stage.publisher, ['inspect', '--raw', 'com.example.app:1.0.0']);
  const ours = `docker://${stage.registry}/com.example.app`;
  const shown = JSON.parse(await skopeo.ok('inspect', plain, `${ours}:1.0.0`)) as object;
  const { layers } = JSON.parse(raw) as { layers: { digest: string }[] };
  t.like(shown, {
    Digest: digestOf(Buffer.from(raw)),
    Os: 'linux',
    Layers: layers.map(({ digest }) => digest),
  });
  const config = JSON.parse(await skopeo.ok('inspect', plain, '--config', `${ours}:1.0.0`)) as object;
  t.like(config, { config: { Entrypoint: ['/bin/busybox'], Cmd: ['echo', 'hello'] } });
  const listed = JSON.parse(await skopeo.ok('list-tags', plain, ours)) as { Tags: string[] };
  t.deepEqual(listed.Tags, ['1.0.0', 'latest', signatureTag(raw)]);
  for (const transport of ['oci', 'oci-archive']) {
    const place = `${transport}:${join(stage.folder, transport)}:1.0.0`;
    await done(stage.publisher, ['copy', 'host:com.example.app:1.0.0', place]);
    t.is(await skopeo.ok('inspect', '--raw', place), raw);
  }
  await skopeo.ok('delete', plain, `${ours}:1.0.0`);
  t.like(await runForRefusal(stage.host, ['pull', 'com.example.app:1.0.0']), { code: 4 });
});

test("img runs what skopeo converted to Docker's formats", async (t) => {
  const scene = await sceneWith(t, 'skopeo');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const { skopeo } = tools;
  await publish(stage, { says: 'converted' }, ['--compress', 'gzip']);
  const ours = `docker://${stage.registry}/com.example.app:1.0.0`;
  const run = async (name: string) => await done(stage.host, ['run', '--insecure=signature', name]);
  const docker = `docker://${stage.registry}/com.example.docker:1`;
  await skopeo.ok('copy', '--format', 'v2s2', ...bothPlain, ours, docker);
  t.is(await run('com.example.docker:1'), 'converted\n');
  const archive = `docker-archive:${join(stage.folder, 'saved.tar')}`;
  await skopeo.ok('copy', fromPlain, ours, `${archive}:com.example.saved:1`);
  await done(stage.host, ['copy', archive, 'host:com.example.saved:1']);
  t.is(await run('com.example.saved:1'), 'converted\n');
});

test('img runs layers in all the ways that skopeo compresses them', async (t) => {
  const scene = await sceneWith(t, 'skopeo-debian-13');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const skopeo = tools['skopeo-debian-13'];
  await publish(stage, { says: 'unpacked' });
  const ours = `docker://${stage.registry}/com.example.app:1.0.0`;
  const decompressed = `dir:${join(stage.folder, 'decompressed')}`;
  await skopeo.ok('copy', fromPlain, '--dest-decompress', ours, decompressed);
  for (const [name, type, options] of [
    ['nothing', 'tar', ['--dest-oci-accept-uncompressed-layers']],
    ['gzip', 'tar+gzip', ['--dest-compress-format=gzip']],
    ['zstd', 'tar+zstd', ['--dest-compress-format=zstd']],
    // Of many frames, and with frames at its end that hold no content.
    ['chunked', 'tar+zstd', ['--dest-compress-format=zstd:chunked']],
  ] as const) {
    const layout = `oci:${join(stage.folder, name)}:1`;
    await skopeo.ok('copy', ...options, decompressed, layout);
    t.true((await skopeo.ok('inspect', '--raw', layout)).includes(`layer.v1.${type}"`), name);
    // A host keeps unpacked layers, so each has to be a new one.
    const host = hostOf(stage.publisher, stage.registry, `host-${name}`);
    await done(host, ['copy', layout, 'host:com.example.app:1']);
    const run = ['run', '--insecure=signature', '--pull=never', 'com.example.app:1'];
    t.is(await done(host, run), 'unpacked\n', name);
  }
});

test('a signature that skopeo copies by its tag counts in another registry, and is missed without it', async (t) => {
  const scene = await sceneWith(t, 'skopeo');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const { skopeo } = tools;
  await publish(stage, { says: 'from a mirror' });
  const mirror = await startTestRegistry(t, await newInstance(t));
  const login = ['-u', administrator.name, '-p', administrator.password];
  await skopeo.ok('login', plain, ...login, mirror);
  const copyTag = async (tag: string) => {
    const place = (registry: string) => `docker://${registry}/com.example.app:${tag}`;
    await skopeo.ok('copy', ...bothPlain, place(stage.registry), place(mirror));
  };
  const host = withVariables(stage.host, { IMG_REGISTRY: mirror });
  await copyTag('1.0.0');
  t.like(await runForRefusal(host, ['run', 'com.example.app:1.0.0']), { code: 3 });
  await copyTag(signatureTag(await done(host, ['inspect', '--raw', '--remote', 'com.example.app:1.0.0'])));
  t.is(await done(host, ['run', '--pull=always', 'com.example.app:1.0.0']), 'from a mirror\n');
});

test('img and skopeo log in for each other', async (t) => {
  const scene = await sceneWith(t, 'skopeo');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const { skopeo } = tools;
  await publish(stage);
  const { publisher, registry } = stage;
  t.is(await skopeo.ok('login', '--get-login', registry), `${administrator.name}\n`);
  await skopeo.ok('logout', registry);
  t.like(await publisher.run(['push', 'com.example.app']), { code: 5 });
  await skopeo.ok('login', plain, '-u', administrator.name, '-p', administrator.password, registry);
  t.like(await publisher.run(['push', 'com.example.app']), { code: 0 });
  await done(publisher, ['logout']);
  t.regex(
    await skopeo.refused('delete', plain, `docker://${registry}/com.example.app:1.0.0`),
    /UNAUTHORIZED/,
  );
});

/** The tag below which the signatures of a manifest are. */
function signatureTag(manifest: string): string {
  return `${digestOf(Buffer.from(manifest)).replace(':', '-')}.sig`;
}
