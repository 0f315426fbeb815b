import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { needsRoot } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import { layerEntry } from '../layers/layer-entry.ts';
import { enterPrivateMounts } from '../linux/private-mounts.ts';
import { RuntimeError } from '../runtime-error.ts';
import { describeTree } from '../testing/describe-tree.ts';
import { fsckErofs } from '../testing/erofs-tools.ts';
import { mountErofs } from '../testing/mount-erofs.ts';
import { readTar } from '../testing/read-tar.ts';
import { gnuLongName, paxHeader, type TarBytes, tarArchive, tarMemberBytes } from '../testing/tar-bytes.ts';
import { mergeLayers } from '../tree/merge-layers.ts';
import { type DirectoryNode, sortedChildren, type TreeNode } from '../tree/tree-node.ts';
import { readErofs } from './read-erofs.ts';
import { writeErofs } from './write-erofs.ts';

const isRoot = process.geteuid?.() === 0;

// The whole file runs in one child process of AVA, so its private mounts end with it.
test.before(() => {
  if (isRoot) enterPrivateMounts();
});

type Members = readonly (TarBytes | Uint8Array)[];

type Built = {
  readonly tree: DirectoryNode;
  readonly image: Uint8Array;
  readonly archives: readonly string[];
};

/** The image of layers, whose archives are in files. */
function build(t: ExecutionContext, ...layers: readonly Uint8Array[]): Built {
  const folder = temporaryFolder(t);
  const archives = layers.map((archive, index) => {
    const path = join(folder, `${index}.tar`);
    writeFileSync(path, archive);
    return path;
  });
  const tree = mergeLayers(layers.map((archive) => readTar(archive).map(layerEntry)));
  const devices = layers.map((archive, index) => ({
    tag: String(index).padStart(64, '0'),
    sizeBytes: archive.length,
  }));
  return { tree, image: writeErofs(tree, devices), archives };
}

function fsck(t: ExecutionContext, { image, archives }: Built): void {
  const program = fsckErofs(t);
  if (program === undefined) return;
  const path = join(temporaryFolder(t), 'image.erofs');
  writeFileSync(path, image);
  t.notThrows(() =>
    execFileSync(program, ['--extract', ...archives.map((archive) => `--device=${archive}`), path], {
      stdio: 'pipe',
    }),
  );
}

const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
const rich: Members = [
  { path: './', type: '5', mode: 0o755, mtime: 1_600_000_000 },
  { path: './empty', content: '' },
  { path: './one', content: 'x', mode: 0o4755, uid: 70_000, gid: 4_000_000_000, mtime: 2 ** 33 },
  { path: './block', content: Buffer.alloc(512, 'b') },
  { path: './large', content: Buffer.alloc(3_000_001, 'large') },
  { path: './hard', type: '1', link: './one' },
  { path: './relative', type: '2', link: 'one' },
  { path: './dangling', type: '2', link: '/no/such/file' },
  { path: './null', type: '3', device: [1, 3], mode: 0o666 },
  { path: './big-device', type: '4', device: [300, 70_000] },
  { path: './pipe', type: '6', mode: 0o600 },
  paxHeader([
    ['mtime', '1700000000.123456789'],
    ['path', './Főtanúsítvány'],
    ['SCHILY.xattr.user.x', 'shared'],
    ['SCHILY.xattr.security.capability', capability],
  ]),
  { content: 'attributes' },
  { path: './folder/', type: '5', mode: 0o2770, uid: 5 },
  { path: './folder/!first', content: 'sorts before the points' },
  paxHeader([
    ['SCHILY.xattr.user.x', 'shared'],
    ['SCHILY.xattr.user.y', Buffer.alloc(3000, 'own')],
    ['SCHILY.xattr.trusted.t', ''],
    ['SCHILY.xattr.user.binary', Buffer.from([0, 255, 10])],
  ]),
  { path: './folder/attributes', content: 'y' },
  paxHeader([['SCHILY.xattr.user.x', 'shared']]),
  { path: './folder/sub/', type: '5' },
  { path: Buffer.from([0x2e, 0x2f, 0xff, 0xfe]), content: 'no UTF-8' },
];

test('an image shows what GNU tar extracts, in every attribute and byte', (t) => {
  if (!needsRoot(t)) return;
  const built = build(t, tarArchive(...rich));
  fsck(t, built);
  const extracted = join(temporaryFolder(t), 'extracted');
  mkdirSync(extracted);
  execFileSync('tar', ['--xattrs', '--xattrs-include=*', '-xpf', built.archives[0] ?? '', '-C', extracted]);
  t.deepEqual(describeTree(mountErofs(t, built.image, built.archives)), describeTree(extracted));
});

test('an image shows what the one of mkfs.erofs --tar=i shows, in every attribute and byte', (t) => {
  if (!needsRoot(t)) return;
  const program = fsckErofs(t);
  if (program === undefined) return;
  const built = build(t, tarArchive(...rich));
  const [archive = ''] = built.archives;
  const path = join(temporaryFolder(t), 'other.erofs');
  execFileSync(join(dirname(program), 'mkfs.erofs'), ['--quiet', '--tar=i', path, archive], {
    stdio: 'pipe',
  });
  const other = mountErofs(t, readFileSync(path), [archive]);
  const ours = describeTree(mountErofs(t, built.image, [archive]));
  t.deepEqual(withoutLinkModes(ours), withoutLinkModes(describeTree(other)));
});

// Links have no mode on Linux, but mkfs.erofs keeps what the archive says.
function withoutLinkModes(tree: ReturnType<typeof describeTree>): object {
  return Object.fromEntries(
    Object.entries(tree).map(([path, seen]) => [
      path,
      'target' in seen && seen.target !== '' ? { ...seen, mode: '' } : seen,
    ]),
  );
}

test('readErofs() gives back the tree that writeErofs() was given', (t) => {
  const { tree, image } = build(t, tarArchive(...rich));
  t.deepEqual(outline(readErofs(image)), outline(tree));
});

function outline(root: DirectoryNode): readonly object[] {
  const lines: object[] = [];
  const names = new Map<TreeNode, string>();
  const walk = (node: TreeNode, path: string) => {
    const sameAs = names.get(node);
    names.set(node, path);
    const rest = node.kind === 'directory' ? { ...node, children: [...node.children.keys()].sort() } : node;
    const isEmpty = node.kind === 'file' && node.size === 0;
    lines.push({ path, sameAs, ...rest, ...(isEmpty ? { layer: 0, contentOffset: 0 } : {}) });
    if (node.kind === 'directory')
      for (const [name, child] of sortedChildren(node)) walk(child, `${path}/${name}`);
  };
  walk(root, '');
  return lines;
}

test('an image is the same for the same layers, whatever the order in their archives', (t) => {
  const { image } = build(t, tarArchive(...rich));
  t.true(Buffer.from(build(t, tarArchive(...rich)).image).equals(image));
  const a = tarMemberBytes({ path: 'a', type: '5' });
  const b = tarMemberBytes({ path: 'b', type: '2', link: 'a' });
  t.deepEqual(build(t, tarArchive(a, b)).image, build(t, tarArchive(b, a)).image);
});

test('an image without layers is an empty folder', (t) => {
  if (!needsRoot(t)) return;
  const built = build(t);
  fsck(t, built);
  t.deepEqual(readdirSync(mountErofs(t, built.image, [])), []);
  t.deepEqual([...readErofs(built.image).children], []);
});

test('a folder of ten thousand names is found name by name', (t) => {
  if (!needsRoot(t)) return;
  const names = Array.from({ length: 10_000 }, (_, index) => `${'n'.repeat(index % 90)}-${index * 7919}`);
  const members = names.map((name) => tarMemberBytes({ path: name, content: name }));
  const built = build(t, tarArchive(...members));
  fsck(t, built);
  const target = mountErofs(t, built.image, built.archives);
  t.deepEqual(readdirSync(target).sort(), names.toSorted());
  for (let index = 0; index < names.length; index += 37) {
    const name = names[index] ?? '';
    t.is(readFileSync(join(target, name), 'utf8'), name);
  }
  t.throws(() => readFileSync(join(target, 'absent')), { code: 'ENOENT' });
  t.is(readErofs(built.image).children.size, names.length);
});

test('names and link targets of every length are shown', (t) => {
  if (!needsRoot(t)) return;
  const lengths = [1, 200, 255, 386, 387, 448, 449, 511, 512, 513, 1024, 4095];
  const members = lengths.flatMap((length) => [
    gnuLongName('K', 't'.repeat(length)),
    gnuLongName('L', `links/${length}`),
    tarMemberBytes({ type: '2' }),
    gnuLongName('L', `names/${'n'.repeat(Math.min(length, 255))}`),
    tarMemberBytes({}),
  ]);
  const built = build(t, tarArchive(...members));
  fsck(t, built);
  const target = mountErofs(t, built.image, built.archives);
  for (const length of lengths) t.is(readlinkSync(join(target, 'links', String(length))), 't'.repeat(length));
  t.is(
    readdirSync(join(target, 'names')).length,
    new Set(lengths.map((length) => Math.min(length, 255))).size,
  );
});

test('attributes of every size are shown, shared or not', (t) => {
  if (!needsRoot(t)) return;
  const sizes = [0, 1, 3, 4, 380, 384, 440, 512, 4000, 60_000];
  const members = sizes.flatMap((size) => [
    paxHeader([
      ['SCHILY.xattr.user.own', Buffer.alloc(size, String(size))],
      ['SCHILY.xattr.user.shared', 'x'.repeat(Math.min(size, 4000))],
    ]),
    tarMemberBytes({ path: `file-${size}`, content: 'x' }),
    paxHeader([['SCHILY.xattr.user.shared', 'x'.repeat(Math.min(size, 4000))]]),
    tarMemberBytes({ path: `folder-${size}`, type: '5' }),
    tarMemberBytes({ path: `folder-${size}/name`, content: 'y' }),
  ]);
  const built = build(t, tarArchive(...members));
  fsck(t, built);
  const shown = describeTree(mountErofs(t, built.image, built.archives));
  for (const size of sizes) {
    const shared = `user.shared=${Buffer.alloc(Math.min(size, 4000), 'x').toString('hex')}`;
    const own = `user.own=${Buffer.alloc(size, String(size)).toString('hex')}`;
    t.like(shown[`/file-${size}`], { xattrs: [own, shared] });
    t.like(shown[`/folder-${size}`], { xattrs: [shared] });
  }
});

test('folders may be nested a thousand deep', (t) => {
  if (!needsRoot(t)) return;
  const path = `${'d/'.repeat(1000)}file`;
  const built = build(t, tarArchive(gnuLongName('L', path), { content: 'deep' }));
  const target = mountErofs(t, built.image, built.archives);
  t.is(readFileSync(join(target, path), 'utf8'), 'deep');
});

test('a hundred and twenty layers are a hundred and twenty devices', (t) => {
  if (!needsRoot(t)) return;
  const layers = Array.from({ length: 120 }, (_, index) =>
    tarArchive(
      { path: `file-${index}`, content: `layer ${index}` },
      { path: 'common', content: String(index) },
    ),
  );
  const built = build(t, ...layers);
  fsck(t, built);
  const target = mountErofs(t, built.image, built.archives);
  for (const index of layers.keys())
    t.is(readFileSync(join(target, `file-${index}`), 'utf8'), `layer ${index}`);
  t.is(readFileSync(join(target, 'common'), 'utf8'), '119');
});

test('sparse files show their pieces and zeros between', (t) => {
  if (!needsRoot(t)) return;
  const stored = Buffer.concat([Buffer.alloc(512, 'a'), Buffer.alloc(4096, 'b'), Buffer.alloc(100, 'c')]);
  const sparse = (size: number, map: string, content: Uint8Array) => [
    paxHeader([
      ['GNU.sparse.size', String(size)],
      ['GNU.sparse.map', map],
      ['GNU.sparse.name', `file-${size}`],
    ]),
    tarMemberBytes({ content }),
  ];
  const built = build(
    t,
    tarArchive(
      ...sparse(999_524, '1024,512,8192,4096,999424,100', stored),
      ...sparse(10_000_000, '', Buffer.alloc(0)),
      ...sparse(4096, '0,4096', Buffer.alloc(4096, 'd')),
      ...sparse(2 ** 40, `${2 ** 39},${2 ** 20}`, Buffer.alloc(2 ** 20, 'e')),
    ),
  );
  const target = mountErofs(t, built.image, built.archives);
  const wanted = Buffer.alloc(999_524);
  wanted.fill('a', 1024, 1536);
  wanted.fill('b', 8192, 12_288);
  wanted.fill('c', 999_424);
  t.true(readFileSync(join(target, 'file-999524')).equals(wanted));
  t.true(readFileSync(join(target, 'file-10000000')).equals(Buffer.alloc(10_000_000)));
  t.true(readFileSync(join(target, 'file-4096')).equals(Buffer.alloc(4096, 'd')));
  const sparseOf = (root: DirectoryNode) =>
    outline(root).find((line) => 'size' in line && line.size === 999_524);
  t.deepEqual(sparseOf(readErofs(built.image)), sparseOf(built.tree));
});

test('readErofs() refuses what is no image, and never reads outside of one', (t) => {
  const { image } = build(t, tarArchive(...rich));
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(4096), image.subarray(0, 1100)]) {
    t.throws(() => readErofs(bytes), { instanceOf: RuntimeError, code: 'TREE_DAMAGED' });
  }
});
