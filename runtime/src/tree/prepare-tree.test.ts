import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { needsRoot } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import type { Digest } from '@img/spec/digest';
import test, { type ExecutionContext } from 'ava';
import { digestFileName } from '../layers/layer-place.ts';
import { enterPrivateMounts } from '../linux/private-mounts.ts';
import { flip } from '../testing/change-file.ts';
import { describeTree } from '../testing/describe-tree.ts';
import { needsLoopDevices } from '../testing/needs-loop-devices.ts';
import { tarArchive, tarMemberBytes } from '../testing/tar-bytes.ts';
import { makeHost, manifest, mounted, richArchives } from '../testing/tree-host.ts';
import { checkTree, prepareTree, type TreeRequest } from './prepare-tree.ts';
import { treeMethods } from './tree.ts';
import { collectedTrees, listTrees, removeTree, sweepTrees } from './tree-files.ts';

// The whole file runs in one child process of AVA, so its private mounts end with it.
test.before(() => {
  if (process.geteuid?.() === 0) enterPrivateMounts();
});

test('all ways of presentation show the same tree, in every attribute and byte', async (t) => {
  if (!needsLoopDevices(t)) return;
  const { request } = await makeHost(t, ...richArchives);
  const [erofs = {}, ...others] = await describeEach(t, request);
  t.is(others.length, 2);
  for (const other of others) t.deepEqual(other, erofs);
  t.false('/gone' in erofs);
  t.deepEqual(
    Object.keys(erofs).filter((path) => path.startsWith('/opaque/')),
    ['/opaque/new'],
  );
  t.like(erofs['/bin/su'], { mode: '104755' });
  t.like(erofs['/bin/ping'], { links: 2n, mtime: 1_234_567_890_123_456_789n });
});

async function describeEach(t: ExecutionContext, request: TreeRequest) {
  const shown = [];
  for (const method of treeMethods)
    shown.push(describeTree(mounted(t, await prepareTree({ ...request, method }))));
  return shown;
}

for (const method of treeMethods) {
  test(`the ${method} is mounted read-only and without devices`, async (t) => {
    if (!(method === 'loop' ? needsLoopDevices(t) : needsRoot(t))) return;
    const { request } = await makeHost(t, ...richArchives);
    const target = mounted(t, await prepareTree({ ...request, method }));
    t.throws(() => writeFileSync(join(target, 'new'), ''), { code: 'EROFS' });
    t.throws(() => writeFileSync(join(target, 'large'), ''), { code: 'EROFS' });
    t.throws(() => readFileSync(join(target, 'dev/null')), { code: 'EACCES' });
  });

  test(`the ${method} is prepared once and then only checked`, async (t) => {
    if (!(method === 'loop' ? needsLoopDevices(t) : needsRoot(t))) return;
    const { request, root } = await makeHost(t, ...richArchives);
    await t.throwsAsync(checkTree({ ...request, method }), { code: 'TREE_MISSING' });
    await prepareTree({ ...request, method });
    const folders = ['trees', 'checkouts'].map((name) => join(root, name)).filter((path) => existsSync(path));
    const inodes = () =>
      folders.flatMap((path) => readdirSync(path).map((name) => lstatSync(join(path, name)).ino));
    const before = inodes();
    t.is((await checkTree({ ...request, method })).method, method);
    t.is((await prepareTree({ ...request, method })).method, method);
    t.deepEqual(inodes(), before);
  });

  test(`the ${method} is checked again in full when nothing is known of it in this boot`, async (t) => {
    if (!(method === 'loop' ? needsLoopDevices(t) : needsRoot(t))) return;
    const { request, run } = await makeHost(t, ...richArchives);
    await prepareTree({ ...request, method });
    rmSync(run, { recursive: true });
    await t.notThrowsAsync(checkTree({ ...request, method }));
    t.true(readdirSync(join(run, 'stamps')).length >= 3);
  });
}

test('the kernel mounts the metadata image where it can, as found out by trying', async (t) => {
  if (!needsRoot(t)) return;
  const { request } = await makeHost(t, ...richArchives);
  t.is((await prepareTree(request)).method, 'erofs');
});

test('layers of every size are shown by all ways, also one without a byte', async (t) => {
  if (!needsLoopDevices(t)) return;
  const padded = Buffer.concat([tarArchive({ path: 'file', content: 'x' }), Buffer.alloc(100)]);
  const { request } = await makeHost(t, new Uint8Array(), padded, tarArchive({ path: 'other' }));
  for (const shown of await describeEach(t, request))
    t.deepEqual(Object.keys(shown), ['', '/file', '/other']);
});

for (const method of ['erofs', 'loop'] as const) {
  test(`a tree of a hundred layers is mounted by ${method}, whatever the length of the paths of the store`, async (t) => {
    if (!(method === 'loop' ? needsLoopDevices(t) : needsRoot(t))) return;
    const many = Array.from({ length: 100 }, (_, index) =>
      tarArchive({ path: `file-${index}`, content: String(index) }),
    );
    const { request } = await makeHost(t, ...many);
    const target = mounted(t, await prepareTree({ ...request, method }));
    for (const index of many.keys()) t.is(readFileSync(join(target, `file-${index}`), 'utf8'), String(index));
  });
}

test('prepareTree() refuses layers that make no tree, and keeps nothing of it', async (t) => {
  const through = await makeHost(
    t,
    tarArchive({ path: 'a', type: '2', link: '/etc' }),
    tarArchive({ path: 'a/passwd' }),
  );
  await t.throwsAsync(prepareTree(through.request), { code: 'ENTRY_THROUGH_LINK' });
  const link = await makeHost(t, tarArchive({ path: 'a', type: '1', link: 'etc/shadow' }));
  await t.throwsAsync(prepareTree(link.request), { code: 'ENTRY_LINK_INVALID' });
  for (const { root } of [through, link]) t.false(existsSync(join(root, 'trees')));
});

test('prepareTree() says which layer is missing', async (t) => {
  const { request, layers } = await makeHost(t, ...richArchives);
  await request.store.remove(layers[1] as Digest);
  const error = await t.throwsAsync(prepareTree(request), { code: 'LAYER_MISSING' });
  t.true(error?.message.includes(layers[1] ?? '?'));
});

test('checkTree() notices every changed byte of the metadata image', async (t) => {
  const { request, root } = await makeHost(t, tarArchive({ path: 'a', content: 'x' }));
  await prepareTree({ ...request, method: 'erofs' });
  const path = join(root, 'trees', `${digestFileName(manifest)}.erofs`);
  const good = readFileSync(path);
  for (let at = 0; at < good.length; at += 13) {
    const changed = Buffer.from(good);
    changed[at] = (changed[at] ?? 0) ^ 1;
    writeFileSync(path, changed);
    await t.throwsAsync(checkTree({ ...request, method: 'erofs' }), {
      code: 'TREE_DAMAGED',
      message: /trees\/sha256-/,
    });
  }
  rmSync(path);
  symlinkSync('elsewhere', path);
  await t.throwsAsync(checkTree({ ...request, method: 'erofs' }), { code: 'TREE_DAMAGED' });
  rmSync(path);
  writeFileSync(path, good.subarray(0, -512));
  await t.throwsAsync(checkTree({ ...request, method: 'erofs' }), { code: 'TREE_DAMAGED' });
  writeFileSync(path, good);
  await t.notThrowsAsync(checkTree({ ...request, method: 'erofs' }));
});

test('checkTree() notices a changed byte of a layer, and names it', async (t) => {
  const { request, root, layers } = await makeHost(t, ...richArchives);
  await prepareTree({ ...request, method: 'erofs' });
  flip(join(root, 'layers', `${digestFileName(layers[1] as Digest)}.tar`), 3000);
  const error = await t.throwsAsync(checkTree({ ...request, method: 'erofs' }), { code: 'LAYER_DAMAGED' });
  t.true(error?.message.includes(layers[1] ?? '?'));
});

test('checkTree() does not take the tree of one image for that of another with the same name', async (t) => {
  const { request, layers } = await makeHost(t, ...richArchives);
  await prepareTree({ ...request, method: 'erofs' });
  await t.throwsAsync(checkTree({ ...request, layers: layers.slice(0, 1), method: 'erofs' }), {
    code: 'TREE_DAMAGED',
  });
});

test('mount() refuses a file that was changed or replaced after the check', async (t) => {
  if (!needsRoot(t)) return;
  const { request, root, layers } = await makeHost(t, ...richArchives);
  const layer = join(root, 'layers', `${digestFileName(layers[0] as Digest)}.tar`);
  const image = join(root, 'trees', `${digestFileName(manifest)}.erofs`);
  for (const [path, code] of [
    [layer, 'LAYER_DAMAGED'],
    [image, 'TREE_DAMAGED'],
  ] as const) {
    const tree = await prepareTree({ ...request, method: 'erofs' });
    const target = temporaryFolder(t);
    const good = readFileSync(path);
    writeFileSync(`${path}-copy`, good);
    renameSync(`${path}-copy`, path);
    t.throws(() => tree.mount(target), { code });
    rmSync(path);
    t.throws(() => tree.mount(target), { code });
    writeFileSync(path, good);
    t.deepEqual(readdirSync(target), []);
  }
});

test('a killed prepareTree() leaves only what sweepTrees() removes', async (t) => {
  if (!needsRoot(t)) return;
  const files = Array.from({ length: 30_000 }, (_, index) =>
    tarMemberBytes({ path: `d${index % 100}/f${index}` }),
  );
  const { request, root, run } = await makeHost(t, tarArchive(...files));
  const program = `
    import { LayerStore } from ${JSON.stringify(new URL('../layers/layer-store.ts', import.meta.url).href)};
    import { prepareTree } from ${JSON.stringify(new URL('./prepare-tree.ts', import.meta.url).href)};
    const store = new LayerStore(${JSON.stringify({ root, run })});
    await prepareTree({ store, ...JSON.parse(process.argv[1]), method: 'checkout' });
  `;
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', program, JSON.stringify({ manifest, layers: request.layers })],
    { stdio: 'inherit' },
  );
  const exited = once(child, 'exit');
  const checkouts = join(root, 'checkouts');
  const isBegun = () =>
    existsSync(checkouts) &&
    readdirSync(checkouts).some((name) => readdirSync(join(checkouts, name)).length > 5);
  while (!isBegun()) await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(await sweepTrees(request.store), [], 'what is being made is left alone');
  child.kill('SIGKILL');
  await exited;
  t.is((await sweepTrees(request.store)).length, 1);
  t.deepEqual(readdirSync(checkouts), []);
});

test('prepareTree() of one checkout by several at once leaves one', async (t) => {
  if (!needsRoot(t)) return;
  const { request, root } = await makeHost(t, ...richArchives);
  const trees = await Promise.all([1, 2, 3].map(() => prepareTree({ ...request, method: 'checkout' })));
  t.is(trees.length, 3);
  t.deepEqual(readdirSync(join(root, 'checkouts')), [digestFileName(manifest)]);
});

test('prepareTree() can be cancelled, and keeps nothing', async (t) => {
  if (!needsRoot(t)) return;
  const files = Array.from({ length: 2000 }, (_, index) => tarMemberBytes({ path: `f${index}` }));
  const { request, root } = await makeHost(t, tarArchive(...files));
  const controller = new AbortController();
  const prepared = prepareTree({ ...request, method: 'checkout', signal: controller.signal });
  controller.abort(new Error('enough'));
  await t.throwsAsync(prepared);
  t.deepEqual(existsSync(join(root, 'checkouts')) ? readdirSync(join(root, 'checkouts')) : [], []);
});

test('listTrees() and removeTree() know both ways of presentation', async (t) => {
  if (!needsRoot(t)) return;
  const { request, root, run } = await makeHost(t, ...richArchives);
  t.deepEqual(await listTrees(request.store), []);
  await prepareTree({ ...request, method: 'checkout' });
  t.deepEqual(await listTrees(request.store), [manifest]);
  await removeTree(request.store, manifest);
  t.deepEqual(await listTrees(request.store), []);
  for (const name of ['trees', 'checkouts']) t.deepEqual(readdirSync(join(root, name)), ['trash']);
  t.deepEqual(
    readdirSync(join(run, 'stamps')).filter((name) => !name.startsWith('layer-')),
    [],
  );
  await t.notThrowsAsync(removeTree(request.store, manifest));
});

test('collectedTrees() hides, shows and removes both ways of presentation', async (t) => {
  if (!needsRoot(t)) return;
  const { request } = await makeHost(t, ...richArchives);
  const trees = collectedTrees(request.store);
  await prepareTree({ ...request, method: 'checkout' });
  await trees.hide(manifest);
  t.deepEqual([await trees.list(), await trees.listHidden()], [[], [manifest]]);
  await t.throwsAsync(checkTree({ ...request, method: 'checkout' }), { code: 'TREE_MISSING' });
  await trees.show(manifest);
  t.deepEqual([await trees.list(), await trees.listHidden()], [[manifest], []]);
  await t.notThrowsAsync(checkTree({ ...request, method: 'checkout' }));
  await trees.hide(manifest);
  await prepareTree({ ...request, method: 'checkout' });
  await trees.show(manifest);
  await t.notThrowsAsync(checkTree({ ...request, method: 'checkout' }), 'made again while it was hidden');
  await trees.removeHidden(manifest);
  t.deepEqual([await trees.list(), await trees.listHidden()], [[manifest], []]);
});
