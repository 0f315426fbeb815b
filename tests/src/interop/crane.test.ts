import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tarArchive } from '@img/runtime/testing/tar-bytes';
import { digestOf } from '@img/spec/digest';
import test from 'ava';
import { done, publish } from '../testing/stage.ts';
import { sceneWith } from './outside-tools.ts';
import { administratorOf, readSignatures } from './stored-signatures.ts';

for (const [kind, buildOptions] of [
  ['an image', []],
  ['an index of images', ['--platform', 'linux/amd64', 'linux/arm64']],
] as const) {
  test(`crane finds ${kind} of ours valid in every byte`, async (t) => {
    const scene = await sceneWith(t, 'crane');
    if (scene === undefined) return;
    const { stage, tools } = scene;
    const { crane } = tools;
    // It validates layers of gzip only.
    await publish(stage, {}, ['--compress', 'gzip', ...buildOptions]);
    const repository = `${stage.registry}/com.example.app`;
    t.regex(await crane.ok('validate', '--remote', `${repository}:1.0.0`), /^PASS: /);
    const raw = await done(stage.publisher, ['inspect', '--raw', 'com.example.app:1.0.0']);
    t.is(await crane.ok('manifest', `${repository}:1.0.0`), raw);
    t.is(await crane.ok('digest', `${repository}:1.0.0`), `${digestOf(Buffer.from(raw))}\n`);
    await crane.ok('copy', `${repository}:1.0.0`, `${stage.registry}/com.example.copied:1`);
    t.is(await done(stage.host, ['inspect', '--raw', 'com.example.copied:1']), raw);
  });
}

test('crane sees the tags of our image, and its signatures as an image', async (t) => {
  const scene = await sceneWith(t, 'crane');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const { crane } = tools;
  await publish(stage);
  const { tag, payloads } = await readSignatures(administratorOf(t, stage.registry));
  const repository = `${stage.registry}/com.example.app`;
  t.is(await crane.ok('ls', repository), `1.0.0\nlatest\n${tag}\n`);
  const signatures = JSON.parse(await crane.ok('manifest', `${repository}:${tag}`)) as {
    layers: { digest: string }[];
  };
  const read = signatures.layers.map(({ digest }) => crane.ok('blob', `${repository}@${digest}`));
  t.deepEqual(
    await Promise.all(read),
    payloads.map(({ bytes }) => bytes.toString()),
  );
});

test('img runs our image with a layer that crane put upon it, once it is signed again', async (t) => {
  const scene = await sceneWith(t, 'crane');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  await publish(stage, { files: { 'etc/removed': 'removed\n', 'etc/note': 'noted\n' } });
  const layer = join(stage.folder, 'layer.tar');
  await writeFile(
    layer,
    tarArchive(
      { path: 'etc/', type: '5', mode: 0o755 },
      { path: 'etc/.wh.removed' },
      { path: 'etc/more', mode: 0o644, content: 'more\n' },
    ),
  );
  const image = 'com.example.app:2.0.0';
  const place = (tag: string) => `${stage.registry}/com.example.app:${tag}`;
  await tools.crane.ok('append', '-b', place('1.0.0'), '-f', layer, '-t', place('2.0.0'));
  await done(stage.publisher, ['pull', image]);
  await done(stage.publisher, ['sign', '--key', 'alice', image]);
  await done(stage.publisher, ['push', image]);
  const list = ['run', image, 'sh', '-c', 'cd /etc && cat note more && ls removed || echo gone'];
  t.is(await done(stage.host, list), 'noted\nmore\ngone\n');
});
