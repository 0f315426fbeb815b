import test from 'ava';
import { layerEntry } from '../layers/layer-entry.ts';
import { RuntimeError, type RuntimeErrorCode } from '../runtime-error.ts';
import { readTar } from '../testing/read-tar.ts';
import { type TarBytes, tarArchive } from '../testing/tar-bytes.ts';
import { mergeLayers } from './merge-layers.ts';
import { type DirectoryNode, sortedChildren, type TreeNode } from './tree-node.ts';

type Layer = readonly TarBytes[];

function merge(...layers: readonly Layer[]): DirectoryNode {
  return mergeLayers(layers.map((members) => readTar(tarArchive(...members)).map(layerEntry)));
}

/** One line a node: path, kind and what matters; a `=` line for a further name of the same file. */
function outline(root: DirectoryNode): readonly string[] {
  const lines: string[] = [];
  const names = new Map<TreeNode, string>();
  const walk = (node: TreeNode, path: string) => {
    const first = names.get(node);
    names.set(node, path);
    const details =
      node.kind === 'file' ? ` ${node.layer}` : node.kind === 'symlink' ? ` ${node.target}` : '';
    if (path !== '')
      lines.push(first === undefined ? `${path} ${node.kind}${details}` : `${path} = ${first}`);
    if (node.kind === 'directory')
      for (const [name, child] of sortedChildren(node)) walk(child, `${path}/${name}`);
  };
  walk(root, '');
  return lines;
}

const folder = (path: string, rest: TarBytes = {}): TarBytes => ({ path, type: '5', mode: 0o755, ...rest });
const file = (path: string, rest: TarBytes = {}): TarBytes => ({ path, ...rest });
const symlink = (path: string, link: string): TarBytes => ({ path, type: '2', link });
const hardlink = (path: string, link: string): TarBytes => ({ path, type: '1', link });

const merged: readonly (readonly [reason: string, layers: readonly Layer[], outline: readonly string[]])[] = [
  ['no layers are an empty folder', [], []],
  ['empty layers are an empty folder', [[], []], []],
  [
    'layers add to each other',
    [[folder('a'), file('a/x')], [file('a/y')]],
    ['/a directory', '/a/x file 0', '/a/y file 1'],
  ],
  ['a higher layer replaces a file', [[file('a')], [file('a')]], ['/a file 1']],
  ['a later member of the same archive replaces a file', [[file('a'), symlink('a', 'b')]], ['/a symlink b']],
  [
    'a folder over a folder keeps what is in it',
    [[file('a/x')], [folder('a')]],
    ['/a directory', '/a/x file 0'],
  ],
  [
    'a folder described after its contents keeps them',
    [[file('a/x'), folder('a')]],
    ['/a directory', '/a/x file 0'],
  ],
  ['a file over a folder replaces all of it', [[file('a/x')], [file('a')]], ['/a file 1']],
  ['a link over a folder replaces all of it', [[file('a/x')], [symlink('a', 'b')]], ['/a symlink b']],
  [
    'a folder over a link replaces it',
    [[symlink('a', 'b')], [folder('a'), file('a/x')]],
    ['/a directory', '/a/x file 1'],
  ],
  [
    'a folder over a file replaces it',
    [[file('a')], [folder('a'), file('a/x')]],
    ['/a directory', '/a/x file 1'],
  ],
  [
    'missing folders are made',
    [[file('a/b/c/x')]],
    ['/a directory', '/a/b directory', '/a/b/c directory', '/a/b/c/x file 0'],
  ],
  [
    'a whiteout removes a file',
    [[file('a/x'), file('a/y')], [file('a/.wh.x')]],
    ['/a directory', '/a/y file 0'],
  ],
  [
    'a whiteout removes a folder with all in it',
    [[file('a/b/x'), file('c')], [file('.wh.a')]],
    ['/c file 0'],
  ],
  [
    'a whiteout of nothing does nothing',
    [[file('a')], [file('.wh.b'), file('no/such/.wh.folder')]],
    ['/a file 0'],
  ],
  [
    'a whiteout does not apply to its own layer, before it',
    [[file('a')], [file('a'), file('.wh.a')]],
    ['/a file 1'],
  ],
  [
    'a whiteout does not apply to its own layer, after it',
    [[file('a')], [file('.wh.a'), file('a')]],
    ['/a file 1'],
  ],
  ['a whiteout does not apply to higher layers', [[file('.wh.a')], [file('a')]], ['/a file 1']],
  [
    'a whiteout and a folder of one name replace the folder',
    [[file('a/x')], [file('a/y'), file('.wh.a')]],
    ['/a directory', '/a/y file 1'],
  ],
  ['a file comes back in a later layer', [[file('a')], [file('.wh.a')], [file('a')]], ['/a file 2']],
  [
    'an opaque folder is emptied of lower layers',
    [
      [file('a/x'), file('a/b/y')],
      [file('a/z'), file('a/.wh..wh..opq')],
    ],
    ['/a directory', '/a/z file 1'],
  ],
  ['an opaque folder that is not there does nothing', [[file('a')], [file('b/.wh..wh..opq')]], ['/a file 0']],
  [
    'an opaque root is emptied',
    [
      [file('a'), file('b/c')],
      [file('.wh..wh..opq'), file('d')],
    ],
    ['/d file 1'],
  ],
  [
    'an opaque folder replaces a link, as overlayfs writes it',
    [[symlink('a', 'b')], [folder('a'), file('a/.wh..wh..opq'), file('a/x')]],
    ['/a directory', '/a/x file 1'],
  ],
  [
    'a whiteout in a folder that replaces a file is void',
    [[file('a')], [folder('a'), file('a/.wh.x')]],
    ['/a directory'],
  ],
  [
    'a whiteout is not reached through a link',
    [
      [file('b/x'), symlink('a', 'b')],
      [folder('a'), file('a/.wh.x')],
    ],
    ['/a directory', '/b directory', '/b/x file 0'],
  ],
  [
    'hard links are one file',
    [[file('a'), hardlink('b', 'a'), hardlink('c', 'b')]],
    ['/a file 0', '/b = /a', '/c = /b'],
  ],
  [
    'a hard link reaches into lower layers',
    [[file('a/x')], [hardlink('b', 'a/x')]],
    ['/a directory', '/a/x file 0', '/b = /a/x'],
  ],
  [
    'a hard link keeps its file when the first name goes',
    [[file('a'), hardlink('b', 'a')], [file('.wh.a')]],
    ['/b file 0'],
  ],
  [
    'a hard link keeps its file when the first name changes',
    [[file('a'), hardlink('b', 'a')], [file('a')]],
    ['/a file 1', '/b file 0'],
  ],
  [
    'a hard link can name a symbolic link, which is not followed',
    [[symlink('a', '/etc/shadow'), hardlink('b', 'a')]],
    ['/a symlink /etc/shadow', '/b = /a'],
  ],
  [
    'devices and pipes are kept',
    [
      [
        { path: 'c', type: '3', device: [1, 3] },
        { path: 'b', type: '4', device: [7, 0] },
        { path: 'p', type: '6' },
      ],
    ],
    ['/b block-device', '/c character-device', '/p fifo'],
  ],
];

for (const [reason, layers, lines] of merged) {
  test(`mergeLayers(): ${reason}`, (t) => t.deepEqual(outline(merge(...layers)), lines));
}

const refused: readonly (readonly [RuntimeErrorCode, string, readonly Layer[]])[] = [
  [
    'ENTRY_THROUGH_LINK',
    'a file through a link of the same layer',
    [[symlink('a', '/etc'), file('a/passwd')]],
  ],
  [
    'ENTRY_THROUGH_LINK',
    'a file through a link of a lower layer',
    [[symlink('a', '/etc')], [file('a/passwd')]],
  ],
  ['ENTRY_THROUGH_LINK', 'a file through a relative link', [[folder('b'), symlink('a', 'b')], [file('a/x')]]],
  ['ENTRY_THROUGH_LINK', 'a folder through a link', [[symlink('a', '..')], [folder('a/b')]]],
  ['ENTRY_THROUGH_LINK', 'a file below a file', [[file('a')], [file('a/x')]]],
  ['ENTRY_THROUGH_LINK', 'a file below a device', [[{ path: 'a', type: '6' }], [file('a/x')]]],
  ['ENTRY_THROUGH_LINK', 'a whiteout through a link', [[file('b/x'), symlink('a', 'b')], [file('a/.wh.x')]]],
  [
    'ENTRY_THROUGH_LINK',
    'an opaque folder that is a link',
    [[file('b/x'), symlink('a', 'b')], [file('a/.wh..wh..opq')]],
  ],
  ['ENTRY_THROUGH_LINK', 'a whiteout of a file below a file', [[file('a')], [file('a/b/.wh.x')]]],
  ['ENTRY_LINK_INVALID', 'a hard link to nothing', [[hardlink('a', 'b')]]],
  ['ENTRY_LINK_INVALID', 'a hard link to a later member', [[hardlink('a', 'b'), file('b')]]],
  [
    'ENTRY_LINK_INVALID',
    'a hard link to what a whiteout removed',
    [[file('b')], [file('.wh.b'), hardlink('a', 'b')]],
  ],
  ['ENTRY_LINK_INVALID', 'a hard link to a folder', [[folder('b'), hardlink('a', 'b')]]],
  ['ENTRY_LINK_INVALID', 'a hard link to the root', [[hardlink('a', '/')]]],
  ['ENTRY_LINK_INVALID', 'a hard link to itself', [[file('a'), hardlink('a', 'a')]]],
  [
    'ENTRY_LINK_INVALID',
    'a hard link through a symbolic link',
    [[file('b/x'), symlink('c', 'b'), hardlink('a', 'c/x')]],
  ],
];

for (const [code, reason, layers] of refused) {
  test(`mergeLayers() refuses ${reason}`, (t) => {
    const error = t.throws(() => merge(...layers), { instanceOf: RuntimeError, code });
    t.regex(error.message, new RegExp(`layer ${layers.length} of the image`));
  });
}

test('mergeLayers() gives folders the attributes of the highest layer that describes them', (t) => {
  const root = merge(
    [folder('./', { mode: 0o700, uid: 1 }), folder('a', { mode: 0o711, mtime: 5 })],
    [file('a/x'), folder('b', { uid: 7 })],
    [folder('a', { mode: 0o1777, gid: 3, mtime: 9 })],
  );
  t.like(root, { mode: 0o700, uid: 1 });
  const [, a] = sortedChildren(root)[0] ?? [];
  t.like(a, { mode: 0o1777, gid: 3, mtimeSeconds: 9 });
  t.is((a as DirectoryNode).children.size, 1);
});

test('mergeLayers() gives folders that no member describes to root, with time 0', (t) => {
  const [, a] = sortedChildren(merge([file('a/x', { uid: 5, mtime: 9 })]))[0] ?? [];
  t.like(a, { kind: 'directory', mode: 0o755, uid: 0, gid: 0, mtimeSeconds: 0, xattrs: undefined });
});

test('mergeLayers() forgets a folder that was replaced', (t) => {
  const root = merge([file('a/x'), file('a'), folder('a'), file('a/y')]);
  t.deepEqual(outline(root), ['/a directory', '/a/y file 0']);
});

test('mergeLayers() takes deep paths in linear time', (t) => {
  const path = `${'d/'.repeat(2000)}x`;
  const entry = layerEntry({
    ...(readTar(tarArchive(file('x')))[0] as Parameters<typeof layerEntry>[0]),
    path: path as Parameters<typeof layerEntry>[0]['path'],
  });
  const started = process.cpuUsage();
  mergeLayers([Array.from({ length: 100_000 }, () => entry)]);
  t.log(`100,000 entries 2,000 deep in ${process.cpuUsage(started).user / 1000} ms`);
  t.pass();
});
