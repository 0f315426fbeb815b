import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram } from '@img/sign/testing/needs';
import test from 'ava';
import { done, publish } from '../testing/stage.ts';
import { buildDebianApp } from './debian-app.ts';
import { describeScript } from './describe-root.ts';
import { type OutsideTool, type Scene, sceneWith } from './outside-tools.ts';

const plain = '--tls-verify=false';

test('buildah and podman run our image', async (t) => {
  const scene = await sceneWith(t, 'buildah', 'podman');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const { buildah, podman } = tools;
  await publish(stage, { says: 'hello', files: { 'etc/note': 'noted\n' } });
  const image = `${stage.registry}/com.example.app:1.0.0`;
  await buildah.ok('from', plain, '--name', 'ours', `docker://${image}`);
  const run = ['run', '--isolation', 'chroot', 'ours', '/bin/busybox'];
  t.is(await buildah.ok(...run, 'cat', '/etc/note'), 'noted\n');
  await buildah.ok('rm', 'ours');
  t.is(await podman.ok('run', '--rm', plain, '--network=none', image), 'hello\n');
});

test('podman runs our image of Debian packages as img does', async (t) => {
  const scene = await sceneWith(t, 'podman');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  if (!(await buildDebianApp(t, stage))) return;
  const { publisher, host, registry } = stage;
  await done(publisher, ['sign', '--key', 'alice', 'com.example.app']);
  await done(publisher, ['push', 'com.example.app']);
  const image = `${registry}/com.example.app:1.0.0`;
  const shown = await tools.podman.ok('run', '--rm', plain, '--network=none', image);
  t.regex(shown, /^\(65532, 65532, 65532\) /);
  t.is(await done(host, ['run', 'com.example.app:1.0.0']), shown);
});

test("img runs buildah's image as podman does, once it is signed", async (t) => {
  const scene = await sceneWith(t, 'buildah', 'podman', 'skopeo');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  await buildImage(scene);
  const place = `docker://${stage.registry}/com.example.app:2.0.0`;
  await tools.skopeo.ok('copy', '--dest-tls-verify=false', 'containers-storage:localhost/app:2', place);
  await signAndPush(scene);
  const expected = await tools.podman.ok('run', '--rm', '--network=none', 'localhost/app:2');
  t.regex(expected, /^uid=1000\(app\) gid=1000\(app\) groups=1000\(app\)\n\/data\nhi there\n/);
  t.regex(expected, /^data\/kept regular file 640 1000:1000 2 /m);
  t.notRegex(expected, /removed|replaced\/old/);
  t.is(await done(stage.host, ['run', 'com.example.app:2.0.0']), expected);
});

test('img runs the image for this host of an index that buildah made', async (t) => {
  const scene = await sceneWith(t, 'buildah');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  await buildImage(scene);
  await tools.buildah.ok('manifest', 'create', 'list');
  await tools.buildah.ok('manifest', 'add', 'list', 'localhost/app:2');
  await tools.buildah.ok('manifest', 'add', '--arch', 's390x', 'list', 'localhost/base:1');
  const place = `docker://${stage.registry}/com.example.app:2.0.0`;
  await tools.buildah.ok('manifest', 'push', '--all', plain, 'list', place);
  await signAndPush(scene);
  t.regex(await done(stage.host, ['run', 'com.example.app:2.0.0']), /^data\/changed regular file/m);
});

/** Makes the images localhost/base:1 and, from it, localhost/app:2. */
async function buildImage({
  stage,
  tools,
}: Scene<never> & { readonly tools: { readonly buildah: OutsideTool } }): Promise<void> {
  const { buildah } = tools;
  const root = join(stage.folder, 'root-of-image');
  for (const folder of ['bin', 'etc', 'data/removed', 'data/replaced']) {
    await mkdir(join(root, folder), { recursive: true });
  }
  await copyFile(findProgram('busybox') ?? '', join(root, 'bin/busybox'));
  const files = {
    'etc/passwd': 'root:x:0:0::/:\napp:x:1000:1000::/data:\n',
    'etc/group': 'root:x:0:\napp:x:1000:\n',
    'data/kept': 'kept\n',
    'data/changed': 'at first\n',
    'data/removed/file': 'removed\n',
    'data/removed-file': 'removed\n',
    'data/replaced/old': 'replaced\n',
  };
  for (const [path, content] of Object.entries(files)) await writeFile(join(root, path), content);
  await buildah.ok('from', '--name', 'base', 'scratch');
  await buildah.ok('copy', 'base', root, '/');
  await buildah.ok('commit', 'base', 'localhost/base:1');
  await buildah.ok('from', '--name', 'app', 'localhost/base:1');
  const change =
    'rm -r data/removed data/removed-file data/replaced; echo later > data/changed; ' +
    'mkdir data/replaced; echo new > data/replaced/new; ln -s ../changed data/replaced/link; ' +
    'chown 1000:1000 data/kept; chmod 640 data/kept; ln data/kept data/linked; mkfifo -m 600 data/pipe; ' +
    'chmod 4755 bin/busybox; chmod 1777 data';
  await buildah.ok('run', '--isolation', 'chroot', 'app', '/bin/busybox', 'sh', '-c', change);
  const show = `id; pwd; echo $GREETING; cd /; ${describeScript('bin', 'data', 'etc/passwd')}`;
  const config = ['--user', 'app', '--workingdir', '/data', '--env', 'GREETING=hi there'];
  const command = ['--entrypoint', '["/bin/busybox"]', '--cmd', `sh -c '${show.replaceAll("'", '"')}'`];
  await buildah.ok('config', ...config, ...command, 'app');
  await buildah.ok('commit', 'app', 'localhost/app:2');
}

/** Has the publisher fetch what is in the registry as version 2.0.0, for all platforms, and sign it. */
async function signAndPush({ stage }: Pick<Scene<never>, 'stage'>): Promise<void> {
  const image = 'com.example.app:2.0.0';
  await done(stage.publisher, ['copy', image, `host:${image}`]);
  await done(stage.publisher, ['sign', '--key', 'alice', image]);
  await done(stage.publisher, ['push', image]);
}
