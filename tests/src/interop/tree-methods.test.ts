import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { copyFile, link, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Instance, programPath } from '@img/cli/testing/run-img';
import { Host } from '@img/runtime/host';
import { installImage } from '@img/runtime/install-image';
import { unmount } from '@img/runtime/linux/mount';
import { enterPrivateMounts } from '@img/runtime/linux/private-mounts';
import { setXattr } from '@img/runtime/linux/xattr';
import { describeTree } from '@img/runtime/testing/describe-tree';
import { needsLoopDevices } from '@img/runtime/testing/needs-loop-devices';
import { tarArchive } from '@img/runtime/testing/tar-bytes';
import { treeMethods } from '@img/runtime/tree/tree';
import { findProgram } from '@img/sign/testing/needs';
import { parseReference } from '@img/spec/reference';
import { parseRegistryHost } from '@img/spec/registry-host';
import test from 'ava';
import { setDoubleStage } from '../testing/double-stage.ts';
import { leftBehind } from '../testing/left-behind.ts';
import { canRunShellApp } from '../testing/shell-app.ts';
import { putSignedShellImage } from '../testing/shell-image.ts';
import { done } from '../testing/stage.ts';
import { buildDebianApp } from './debian-app.ts';
import { sceneWith } from './outside-tools.ts';
import { makeUmociBundle } from './umoci-bundle.ts';

// The whole file runs in one child process of AVA, so its private mounts end with it.
test.before(() => {
  if (process.geteuid?.() === 0) enterPrivateMounts();
});

type Shown = ReturnType<typeof describeTree>;

/** What an image of an instance looks like, by each way in which it can be shown. */
async function describeEach({ variables, folder }: Instance, image: string): Promise<readonly Shown[]> {
  const registry = parseRegistryHost(variables['IMG_REGISTRY'] ?? '');
  const reference = parseReference(image, { default: registry, aliases: new Map() });
  const [store, run] = ['IMG_ROOT', 'IMG_RUN'].map((name) => variables[name] ?? join(folder, name));
  if (store === undefined || run === undefined) throw new Error('an instance has its own folders');
  const shown: Shown[] = [];
  for (const treeMethod of treeMethods) {
    await using host = new Host({ store, run, trust: [] }, { treeMethod });
    const remote = host.images.repository(reference);
    const request = { reference, remote, pull: 'never', insecure: ['signature'] } as const;
    const { tree } = await installImage(request, host);
    const target = mkdtempSync(join(tmpdir(), 'img-mount-'));
    tree.mount(target);
    shown.push(describeTree(target));
    unmount(target);
    rmdirSync(target);
  }
  return shown;
}

test('an image of Debian packages is the same tree from files, by loop devices and as a folder', async (t) => {
  if (!needsLoopDevices(t)) return;
  const scene = await sceneWith(t, 'umoci');
  if (scene === undefined || !(await buildDebianApp(t, scene.stage))) return;
  const [erofs = {}, ...others] = await describeEach(scene.stage.publisher, 'com.example.app:1.0.0');
  t.true(Object.keys(erofs).length > 500);
  t.is(others.length, 2);
  for (const other of others) t.deepEqual(other, erofs);
});

test('an image that umoci made of everything that files can be is the same tree by all ways', async (t) => {
  if (!needsLoopDevices(t)) return;
  const scene = await sceneWith(t, 'umoci');
  if (scene === undefined) return;
  const { stage, tools } = scene;
  const { umoci } = tools;
  const { image, bundle, root } = await makeUmociBundle(scene);
  const data = join(root, 'data');
  for (const folder of ['opaque', 'removed']) await mkdir(join(data, folder), { recursive: true });
  for (const path of ['opaque/hidden', 'removed/file', 'replaced', 'linked'])
    await writeFile(join(data, path), 'at first\n');
  await link(join(data, 'linked'), join(data, 'link-again'));
  await symlink('linked', join(data, 'symbolic'));
  await copyFile(findProgram('busybox') ?? '', join(data, 'large'));
  execFileSync('mknod', ['-m', '620', join(data, 'device'), 'c', '4', '64']);
  execFileSync('mknod', ['-m', '600', join(data, 'pipe'), 'p']);
  const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
  setXattr(Buffer.from(join(data, 'large')), Buffer.from('security.capability'), capability);
  setXattr(Buffer.from(join(data, 'linked')), Buffer.from('user.note'), Buffer.from('kept'));
  await umoci.ok('repack', '--refresh-bundle', ...image, bundle);
  await rm(join(data, 'removed'), { recursive: true });
  await rm(join(data, 'replaced'));
  await mkdir(join(data, 'replaced'), { mode: 0o2750 });
  await umoci.ok('repack', '--refresh-bundle', ...image, bundle);
  const layer = join(stage.folder, 'layer.tar');
  const opaque = { path: 'data/opaque/.wh..wh..opq' };
  await writeFile(layer, tarArchive(opaque, { path: 'data/opaque/new', content: 'later\n' }));
  await umoci.ok('raw', 'add-layer', ...image, layer);
  await done(stage.publisher, ['copy', `oci:${join(stage.folder, 'made')}:1`, 'host:com.example.made:1']);
  const [erofs = {}, ...others] = await describeEach(stage.publisher, 'com.example.made:1');
  t.is(others.length, 2);
  for (const other of others) t.deepEqual(other, erofs);
  const names = Object.keys(erofs).filter((path) => path.startsWith('/data/'));
  t.deepEqual(
    names.map((path) => path.slice('/data/'.length)),
    ['device', 'large', 'link-again', 'linked', 'opaque', 'opaque/new', 'pipe', 'replaced', 'symbolic'],
  );
  t.like(erofs['/data/linked'], { links: 2n, xattrs: ['user.note=6b657074'] });
  t.like(erofs['/data/device'], { mode: '20620', device: 4n * 256n + 64n });
  t.like(erofs['/data/large'], { xattrs: [`security.capability=${capability.toString('hex')}`] });
});

for (const method of treeMethods) {
  test(`an app runs from ${method}, and leaves nothing however it ends`, async (t) => {
    if (!canRunShellApp(t) || (method === 'loop' && !needsLoopDevices(t))) return;
    const { host: instance, repository } = await setDoubleStage(t);
    await putSignedShellImage(repository);
    const host = { ...instance, variables: { ...instance.variables, IMG_TREE: method } };
    const run = (...words: readonly string[]) => instance.run(words, { variables: { IMG_TREE: method } });
    const image = 'com.example.app:1.0';
    t.like(await run('run', image), { code: 0, stdout: 'hello\n' });
    await devicesGone(host.root);
    t.teardown(() => run('rm', '--force', 'web'));
    t.like(await run('run', '--detach', '--name', 'web', image, 'sleep', '1000'), { code: 0 });
    t.is(loopDevices(host.root).length, method === 'loop' ? 2 : 0);
    t.like(await run('exec', 'web', '/bin/busybox', 'true'), { code: 0 });
    t.like(await run('rm', '--force', 'web'), { code: 0 });
    const words = [programPath, 'run', image, 'sh', '-c', 'echo ready; sleep 1000'];
    const { folder: cwd, variables: env } = host;
    const child = spawn(process.execPath, words, { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] });
    t.teardown(() => child.kill('SIGKILL'));
    const exited = once(child, 'exit');
    await Promise.race([once(child.stdout, 'data'), exited]);
    child.kill('SIGKILL');
    await exited;
    t.like(await run('ps'), { code: 0 });
    await devicesGone(host.root);
    t.deepEqual(leftBehind(host), []);
  });
}

/** The kernel takes mounts apart behind the last process that saw them. */
async function devicesGone(folder: string): Promise<void> {
  while (loopDevices(folder).length > 0) await delay(5);
}

/** The loop devices of files below a folder. */
function loopDevices(folder: string): readonly string[] {
  return readdirSync('/sys/block').filter((name) => {
    try {
      return name.startsWith('loop') && backingFile(name).startsWith(`${folder}/`);
    } catch {
      // Of a device that is free, or just becomes it.
      return false;
    }
  });
}

function backingFile(name: string): string {
  return readFileSync(`/sys/block/${name}/loop/backing_file`, 'utf8');
}
