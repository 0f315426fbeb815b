import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Digest, digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import test, { type ExecutionContext } from 'ava';
import { digestFileName } from '../layers/layer-place.ts';
import { LayerStore } from '../layers/layer-store.ts';
import { unmount } from '../linux/mount.ts';
import { enterPrivateMounts } from '../linux/private-mounts.ts';
import { setXattr } from '../linux/xattr.ts';
import { describeTree } from '../testing/describe-tree.ts';
import { needsRoot } from '../testing/needs.ts';
import { gnuLongName, paxHeader, type TarBytes, tarArchive, tarMemberBytes } from '../testing/tar-bytes.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import type { ImageTree, TreeMethod } from './image-tree.ts';
import { checkTree, prepareTree, type TreeRequest } from './prepare-tree.ts';
import { readTreeFile } from './read-tree-file.ts';
import { listTrees, removeTree, sweepTrees } from './tree-files.ts';

const isRoot = process.geteuid?.() === 0;

// The whole file runs in one child process of AVA, so its private mounts end with it.
test.before(() => {
  if (isRoot) enterPrivateMounts();
});

const manifest = digestOf(Buffer.from('manifest'));
const methods: readonly TreeMethod[] = ['erofs', 'checkout'];

type Host = {
  readonly request: TreeRequest;
  readonly root: string;
  readonly run: string;
  readonly layers: readonly Digest[];
};

async function makeHost(t: ExecutionContext, ...archives: readonly Uint8Array[]): Promise<Host> {
  const folder = temporaryFolder(t);
  const [root, run] = [join(folder, 'root'), join(folder, 'run')];
  const store = new LayerStore({ root, run });
  const layers: Digest[] = [];
  for (const archive of archives) {
    const diffId = digestOf(archive);
    const descriptor = { mediaType: mediaTypes.ociLayer, digest: diffId, size: archive.length };
    await store.put({ descriptor, diffId }, chunksOf(archive));
    layers.push(diffId);
  }
  return { request: { store, manifest, layers }, root, run, layers };
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function mounted(t: ExecutionContext, tree: ImageTree): string {
  const target = mkdtempSync(join(tmpdir(), 'img-mount-'));
  tree.mount(target);
  t.teardown(() => {
    unmount(target);
    rmdirSync(target);
  });
  return target;
}

const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
const lower: readonly (TarBytes | Uint8Array)[] = [
  { path: './', type: '5', mode: 0o755, mtime: 1_600_000_000 },
  { path: './etc/', type: '5', mode: 0o755, mtime: 1_600_000_001 },
  { path: './etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\n', mode: 0o644 },
  { path: './etc/shadow', content: 'root:!\n', mode: 0o000, gid: 42 },
  { path: './gone', content: 'removed by the upper layer' },
  { path: './opaque/old', content: 'hidden by the upper layer' },
  { path: './bin/su', content: '#!', mode: 0o4755, mtime: 1_500_000_000 },
  paxHeader([
    ['SCHILY.xattr.security.capability', capability],
    ['SCHILY.xattr.user.note', 'text'],
    ['mtime', '1234567890.123456789'],
  ]),
  { path: './bin/ping', content: 'ping'.repeat(1000), mode: 0o755 },
  { path: './dev/null', type: '3', device: [1, 3], mode: 0o666 },
  { path: './dev/disk', type: '4', device: [300, 70_000], mode: 0o660, gid: 6 },
  { path: './pipe', type: '6', mode: 0o600 },
  { path: './large', content: Buffer.alloc(3_000_000, 'large') },
  { path: './private/', type: '5', mode: 0o500 },
  { path: './private/file', content: 'x', mode: 0o400 },
  { path: Buffer.from([0x2e, 0x2f, 0xff, 0xfe]), content: 'no UTF-8' },
  paxHeader([
    ['GNU.sparse.size', '999524'],
    ['GNU.sparse.map', '1024,512,999424,100'],
    ['GNU.sparse.name', './sparse'],
  ]),
  { content: Buffer.concat([Buffer.alloc(512, 'a'), Buffer.alloc(100, 'b')]) },
  gnuLongName('L', `./${'deep/'.repeat(200)}file`),
  { content: 'deep' },
];
const upper: readonly (TarBytes | Uint8Array)[] = [
  { path: './.wh.gone' },
  { path: './opaque/.wh..wh..opq' },
  { path: './opaque/new', content: 'new', uid: 1000, gid: 1000 },
  { path: './ping-again', type: '1', link: './bin/ping' },
  { path: './link-to-link', type: '2', link: 'etc/link' },
  { path: './etc/link', type: '2', link: '/etc/passwd' },
  { path: './etc/same-link', type: '1', link: './etc/link' },
  { path: './bin/', type: '5', mode: 0o711, uid: 7, mtime: 1_650_000_000 },
];
const archives = [tarArchive(...lower), tarArchive(...upper)];

test('both ways of presentation show the same tree, in every attribute and byte', async (t) => {
  if (!needsRoot(t)) return;
  const { request } = await makeHost(t, ...archives);
  const erofs = describeTree(mounted(t, await prepareTree({ ...request, method: 'erofs' })));
  const checkout = describeTree(mounted(t, await prepareTree({ ...request, method: 'checkout' })));
  t.deepEqual(checkout, erofs);
  t.false('/gone' in erofs);
  t.deepEqual(
    Object.keys(erofs).filter((path) => path.startsWith('/opaque/')),
    ['/opaque/new'],
  );
  t.like(erofs['/bin/su'], { mode: '104755' });
  t.like(erofs['/bin/ping'], { links: 2n, mtime: 1_234_567_890_123_456_789n });
});

for (const method of methods) {
  test(`the ${method} is mounted read-only and without devices`, async (t) => {
    if (!needsRoot(t)) return;
    const { request } = await makeHost(t, ...archives);
    const target = mounted(t, await prepareTree({ ...request, method }));
    t.throws(() => writeFileSync(join(target, 'new'), ''), { code: 'EROFS' });
    t.throws(() => writeFileSync(join(target, 'large'), ''), { code: 'EROFS' });
    t.throws(() => readFileSync(join(target, 'dev/null')), { code: 'EACCES' });
  });

  test(`the ${method} is prepared once and then only checked`, async (t) => {
    if (!needsRoot(t)) return;
    const { request, root } = await makeHost(t, ...archives);
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
    if (!needsRoot(t)) return;
    const { request, run } = await makeHost(t, ...archives);
    await prepareTree({ ...request, method });
    rmSync(run, { recursive: true });
    await t.notThrowsAsync(checkTree({ ...request, method }));
    t.true(readdirSync(join(run, 'stamps')).length >= 3);
  });
}

test('the kernel mounts the metadata image where it can, as found out by trying', async (t) => {
  if (!needsRoot(t)) return;
  const { request } = await makeHost(t, ...archives);
  t.is((await prepareTree(request)).method, 'erofs');
});

test('a tree of a hundred layers is mounted, whatever the length of the paths of the store', async (t) => {
  if (!needsRoot(t)) return;
  const many = Array.from({ length: 100 }, (_, index) =>
    tarArchive({ path: `file-${index}`, content: String(index) }),
  );
  const { request } = await makeHost(t, ...many);
  const target = mounted(t, await prepareTree({ ...request, method: 'erofs' }));
  for (const index of many.keys()) t.is(readFileSync(join(target, `file-${index}`), 'utf8'), String(index));
});

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
  const { request, layers } = await makeHost(t, ...archives);
  await request.store.remove(layers[1] as Digest);
  const error = await t.throwsAsync(prepareTree(request), { code: 'LAYER_MISSING' });
  t.true(error?.message.includes(layers[1] ?? '?'));
});

const flip = (file: string, at: number) => {
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(file, bytes);
};

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
  writeFileSync(path, good.subarray(0, -512));
  await t.throwsAsync(checkTree({ ...request, method: 'erofs' }), { code: 'TREE_DAMAGED' });
  writeFileSync(path, good);
  await t.notThrowsAsync(checkTree({ ...request, method: 'erofs' }));
});

test('checkTree() notices a changed byte of a layer, and names it', async (t) => {
  const { request, root, layers } = await makeHost(t, ...archives);
  await prepareTree({ ...request, method: 'erofs' });
  flip(join(root, 'layers', `${digestFileName(layers[1] as Digest)}.tar`), 3000);
  const error = await t.throwsAsync(checkTree({ ...request, method: 'erofs' }), { code: 'LAYER_DAMAGED' });
  t.true(error?.message.includes(layers[1] ?? '?'));
});

test('checkTree() does not take the tree of one image for that of another with the same name', async (t) => {
  const { request, layers } = await makeHost(t, ...archives);
  await prepareTree({ ...request, method: 'erofs' });
  await t.throwsAsync(checkTree({ ...request, layers: layers.slice(0, 1), method: 'erofs' }), {
    code: 'TREE_DAMAGED',
  });
});

test('mount() refuses a file that was changed or replaced after the check', async (t) => {
  if (!needsRoot(t)) return;
  const { request, root, layers } = await makeHost(t, ...archives);
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
    t.deepEqual(readdirSync(target), []);
  }
});

const tampering: readonly (readonly [reason: string, action: (folder: string) => void])[] = [
  ['a byte of a file', (folder) => flip(join(folder, 'large'), 2_000_000)],
  [
    'a byte of a file, with its time put back',
    (folder) => {
      const { mtime } = lstatSync(join(folder, 'large'));
      flip(join(folder, 'large'), 0);
      utimesSync(join(folder, 'large'), mtime, mtime);
    },
  ],
  [
    'a byte in a hole',
    (folder) => {
      const { mtime } = lstatSync(join(folder, 'sparse'));
      flip(join(folder, 'sparse'), 5000);
      utimesSync(join(folder, 'sparse'), mtime, mtime);
    },
  ],
  [
    'a file more',
    (folder) => keepTime(join(folder, 'etc'), () => writeFileSync(join(folder, 'etc/ld.so.preload'), 'x')),
  ],
  ['a file less', (folder) => keepTime(join(folder, 'etc'), () => unlinkSync(join(folder, 'etc/passwd')))],
  ['a mode', (folder) => chmodSync(join(folder, 'bin/ping'), 0o4755)],
  ['a time', (folder) => utimesSync(join(folder, 'large'), 1, 1)],
  [
    'an attribute more',
    (folder) => setXattr(Buffer.from(join(folder, 'large')), Buffer.from('user.x'), Buffer.from('y')),
  ],
  [
    'an attribute of another value',
    (folder) =>
      setXattr(Buffer.from(join(folder, 'bin/ping')), Buffer.from('user.note'), Buffer.from('TEXT')),
  ],
  [
    'another target of a link',
    (folder) =>
      keepTime(join(folder), () => {
        unlinkSync(join(folder, 'link-to-link'));
        symlinkSync('etc/evil', join(folder, 'link-to-link'));
      }),
  ],
  [
    'a folder in place of the checkout',
    (folder) => {
      renameSync(folder, `${folder}-old`);
      mkdirSync(folder);
    },
  ],
  [
    'a link in place of the checkout',
    (folder) => {
      renameSync(folder, `${folder}-old`);
      symlinkSync(`${folder}-old`, folder);
    },
  ],
];

function keepTime(path: string, action: () => void): void {
  const { atime, mtime } = lstatSync(path);
  action();
  utimesSync(path, atime, mtime);
}

for (const [reason, action] of tampering) {
  test(`checkTree() notices ${reason} in a checkout`, async (t) => {
    if (!needsRoot(t)) return;
    const { request, root, run } = await makeHost(t, ...archives);
    await prepareTree({ ...request, method: 'checkout' });
    const folder = join(root, 'checkouts', digestFileName(manifest));
    action(folder);
    await t.throwsAsync(checkTree({ ...request, method: 'checkout' }), {
      code: 'TREE_DAMAGED',
      message: /checkouts\/sha256-/,
    });
    rmSync(run, { recursive: true });
    await t.throwsAsync(checkTree({ ...request, method: 'checkout' }), { code: 'TREE_DAMAGED' });
  });
}

test('checkTree() notices names of one file that became two files', async (t) => {
  if (!needsRoot(t)) return;
  const { request, root } = await makeHost(
    t,
    tarArchive(
      { path: 'a', content: 'same' },
      { path: 'b', type: '1', link: 'a' },
      { path: 'c', content: 'same' },
    ),
  );
  await prepareTree({ ...request, method: 'checkout' });
  const folder = join(root, 'checkouts', digestFileName(manifest));
  keepTime(folder, () => {
    unlinkSync(join(folder, 'b'));
    linkSync(join(folder, 'c'), join(folder, 'b'));
  });
  await t.throwsAsync(checkTree({ ...request, method: 'checkout' }), {
    code: 'TREE_DAMAGED',
    message: /"\/b".*hard link/,
  });
});

test('checkTree() names the layer and the path of a changed file in a checkout', async (t) => {
  if (!needsRoot(t)) return;
  const { request, root, layers } = await makeHost(t, ...archives);
  await prepareTree({ ...request, method: 'checkout' });
  const path = join(root, 'checkouts', digestFileName(manifest), 'large');
  const { mtime } = lstatSync(path);
  flip(path, 5);
  utimesSync(path, mtime, mtime);
  const error = await t.throwsAsync(checkTree({ ...request, method: 'checkout' }));
  t.true(error?.message.includes(`"/large" of layer ${layers[0]} has another content`), error?.message);
});

test('readTreeFile() reads within the image, through links but never out of it', async (t) => {
  const { request } = await makeHost(
    t,
    ...archives,
    tarArchive(
      { path: 'up', type: '2', link: '../../../../etc/passwd' },
      { path: 'loop', type: '2', link: 'loop' },
      { path: 'folder-link', type: '2', link: 'etc/.' },
      { path: 'dangling', type: '2', link: 'nowhere' },
      { path: 'etc/empty', content: '' },
    ),
  );
  const tree = await prepareTree({ ...request, method: 'erofs' });
  const read = (path: string) => {
    const bytes = readTreeFile(tree, path);
    return bytes === undefined ? undefined : Buffer.from(bytes).toString();
  };
  const passwd = 'root:x:0:0:root:/root:/bin/sh\n';
  for (const path of [
    '/etc/passwd',
    'etc/passwd',
    '/etc/link',
    '/link-to-link',
    '/up',
    '/../etc/passwd',
    '/folder-link/passwd',
    '//etc/./passwd',
    '/bin/../etc/passwd',
  ]) {
    t.is(read(path), passwd, path);
  }
  for (const path of [
    '/absent',
    '/dangling',
    '/etc/passwd/x',
    '/absent/../etc/passwd',
    '/etc/passwd/../passwd',
  ]) {
    t.is(read(path), undefined, path);
  }
  t.is(read('/etc/empty'), '');
  t.is(readTreeFile(tree, '/sparse')?.length, 999_524);
  t.is(readTreeFile(tree, '/sparse')?.[1024], 97);
  const refused: readonly (readonly [string, RegExp])[] = [
    ['/', /is a directory/],
    ['/pipe', /is a fifo/],
    ['/dev/null', /is a character-device/],
    ['/loop', /more than 40 symbolic links/],
    ['/large', /3000000 bytes/],
  ];
  for (const [path, message] of refused) {
    t.throws(() => readTreeFile(tree, path), { code: 'TREE_FILE_INVALID', message });
  }
  t.is(readTreeFile(tree, '/large', { maxBytes: 3_000_000 })?.length, 3_000_000);
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
  const { request, root } = await makeHost(t, ...archives);
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
  const { request, root, run } = await makeHost(t, ...archives);
  t.deepEqual(await listTrees(request.store), []);
  await prepareTree({ ...request, method: 'checkout' });
  t.deepEqual(await listTrees(request.store), [manifest]);
  await removeTree(request.store, manifest);
  t.deepEqual(await listTrees(request.store), []);
  for (const name of ['trees', 'checkouts']) t.deepEqual(readdirSync(join(root, name)), []);
  t.deepEqual(
    readdirSync(join(run, 'stamps')).filter((name) => !name.startsWith('layer-')),
    [],
  );
  await t.notThrowsAsync(removeTree(request.store, manifest));
});
