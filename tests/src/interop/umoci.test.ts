import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram } from '@img/sign/testing/needs';
import test, { type ExecutionContext } from 'ava';
import { done } from '../testing/stage.ts';
import { buildDebianApp } from './debian-app.ts';
import { describeScript } from './describe-root.ts';
import { type Scene, sceneWith } from './outside-tools.ts';
import { makeUmociBundle } from './umoci-bundle.ts';

test('umoci unpacks an image of odd files to what the app sees from inside', async (t) => {
  const scene = await sceneWith(t, 'umoci');
  if (scene === undefined) return;
  const app = join(scene.stage.folder, 'app');
  const tree = join(app, 'tree');
  const deep = join('deep', 'er'.repeat(60), 'est'.repeat(40), 'end');
  await mkdir(join(tree, deep, '..'), { recursive: true });
  await copyFile(findProgram('busybox') ?? '', join(app, 'busybox'));
  const files = {
    [deep]: 'more characters than a tar header holds\n',
    'with a space': 'a space\n',
    'Grüße-世界': 'words\n',
    '.hidden': '',
    'blocks-1': Buffer.alloc(512, 1),
    'blocks-2': Buffer.alloc(4096, 2),
    'blocks-3': Buffer.alloc(4097, 3),
    large: Buffer.alloc(3_000_001, 4),
  };
  for (const [path, content] of Object.entries(files)) await writeFile(join(tree, path), content);
  await writeFile(join(tree, 'run'), '#!/bin/sh\n', { mode: 0o755 });
  await symlink('with a space', join(tree, 'link'));
  await symlink('deep', join(tree, 'folder'));
  await writeFile(
    join(app, 'img.yaml'),
    'name: com.example.app\nversion: 1.0.0\nos: scratch\nfiles:\n' +
      '  - {from: busybox, to: /bin/busybox, mode: "0755"}\n' +
      '  - {from: tree, to: /srv, owner: "1234:5678"}\n' +
      '  - {from: tree/large, to: /srv/secret, mode: "0600", owner: "60000:0"}\n' +
      '  - {from: tree, to: /set-id, mode: "6750"}\n',
  );
  await done(scene.stage.publisher, ['build', '--compress', 'gzip', 'app']);
  const lines = await compare(t, scene, ['bin', 'srv', 'set-id']);
  for (const line of [
    'srv/secret regular file 600 60000:0 1 3000001 0',
    'set-id/large regular file 6750 0:0 1 3000001 0',
    "'srv/link' -> 'with a space' symbolic link 1234:5678 0",
  ]) {
    t.true(lines.has(line), line);
  }
});

test('umoci unpacks an image of Debian packages to what the app sees from inside', async (t) => {
  const scene = await sceneWith(t, 'umoci');
  if (scene === undefined) return;
  if (!(await buildDebianApp(t, scene.stage, ['--compress', 'gzip']))) return;
  const folders = ['bin', 'boot', 'etc', 'home', 'lib', 'lib64', 'root', 'sbin', 'usr', 'var'];
  const lines = await compare(t, scene, folders);
  t.true(lines.size > 1000);
  t.true(lines.has('home/app directory 755 65532:65532'));
});

test('img signs, carries and runs an image that umoci made, with files removed and replaced', async (t) => {
  const scene = await sceneWith(t, 'umoci');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const { umoci } = tools;
  const { image, bundle, root } = await makeUmociBundle(scene);
  for (const folder of ['bin', 'data/folder', 'data/removed']) {
    await mkdir(join(root, folder), { recursive: true });
  }
  await copyFile(findProgram('busybox') ?? '', join(root, 'bin/busybox'));
  for (const path of ['folder/kept', 'folder/removed', 'removed/file', 'replaced']) {
    await writeFile(join(root, 'data', path), 'at first\n');
  }
  await umoci.ok('repack', '--refresh-bundle', ...image, bundle);
  await rm(join(root, 'data/removed'), { recursive: true });
  await rm(join(root, 'data/folder/removed'));
  await writeFile(join(root, 'data/replaced'), 'later\n');
  await umoci.ok('repack', ...image, bundle);
  const show = 'cd /data; find . | sort; cat folder/kept replaced';
  const words = ['/bin/busybox', 'sh', '-c', show].map((word) => `--config.cmd=${word}`);
  await umoci.ok('config', ...image, ...words);
  const name = 'com.example.made:1';
  await done(stage.publisher, ['copy', `oci:${join(stage.folder, 'made')}:1`, `host:${name}`]);
  await done(stage.publisher, ['sign', '--key', 'alice', name]);
  await done(stage.publisher, ['push', name]);
  t.is(await done(stage.host, ['run', name]), '.\n./folder\n./folder/kept\n./replaced\nat first\nlater\n');
});

/** Expects that umoci and img show the same in folders of com.example.app:1.0.0, and gives it line by line. */
async function compare(
  t: ExecutionContext,
  { stage, tools }: Scene<'umoci'>,
  folders: readonly string[],
): Promise<ReadonlySet<string>> {
  const image = 'com.example.app:1.0.0';
  const layout = join(stage.folder, 'layout');
  await done(stage.publisher, ['copy', `host:${image}`, `oci:${layout}:1.0.0`]);
  const bundle = join(stage.folder, 'bundle');
  await tools.umoci.ok('unpack', '--image', `${layout}:1.0.0`, bundle);
  const busybox = ['sh', '-c', describeScript(...folders)];
  const cwd = join(bundle, 'rootfs');
  const unpacked = linesOf(execFileSync(findProgram('busybox') ?? '', busybox, { cwd, encoding: 'utf8' }));
  const run = ['run', '--insecure=signature', '--user=0', '--entrypoint=/bin/busybox', image, ...busybox];
  const inside = linesOf(await done(stage.publisher, run));
  t.deepEqual([...unpacked.difference(inside)], [], 'seen by umoci only');
  const others = [...inside.difference(unpacked)].filter((line) => !isOfHost.test(line));
  t.deepEqual(others, [], 'seen from inside only');
  return unpacked;
}

/** Lines about the two files that img brings. */
const isOfHost = /\betc\/(?:hosts|hostname)\b/;

function linesOf(text: string): ReadonlySet<string> {
  return new Set(text.split('\n').filter((line) => line !== ''));
}
