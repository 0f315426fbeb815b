import test from 'ava';
import fc from 'fast-check';
import { ImageTree } from './image-tree.ts';
import { packTreeEntry, type TreeEntry, unpackTreeEntry } from './tree-entry.ts';

const folder = (path: string, rest: Partial<TreeEntry> = {}): TreeEntry => {
  return { path, type: 'directory', mode: 0o755, uid: 0, gid: 0, ...rest };
};
const file = (path: string, rest: Partial<TreeEntry> = {}): TreeEntry => {
  return { path, type: 'file', mode: 0o644, uid: 0, gid: 0, ...rest };
};
const link = (path: string, linkTarget: string): TreeEntry => {
  return { path, type: 'symlink', mode: 0o777, uid: 0, gid: 0, linkTarget };
};

function tree(...packages: readonly (readonly TreeEntry[])[]): ImageTree {
  const result = new ImageTree();
  for (const [index, entries] of packages.entries()) result.addPackage(entries, `package-${index}`);
  return result;
}

test('ImageTree.addPackage() takes folders and links that are the same in two packages', (t) => {
  const both = [folder('usr'), folder('usr/lib'), link('usr/lib/ssl', '/etc/ssl')];
  t.is(tree([...both, file('usr/a')], [...both, file('usr/b')]).get('usr/b')?.type, 'file');
});

const conflicts: readonly [why: string, a: readonly TreeEntry[], b: readonly TreeEntry[]][] = [
  ['a file in both', [file('a')], [file('a')]],
  ['a file and a folder', [file('a')], [folder('a')]],
  ['links to different places', [link('a', 'x')], [link('a', 'y')]],
  ['a folder with two modes', [folder('a')], [folder('a', { mode: 0o700 })]],
  ['a folder with two owners', [folder('a')], [folder('a', { uid: 33 })]],
  ['a folder and a link', [folder('a')], [link('a', 'b')]],
  ['something below a link of the other', [link('a', 'b')], [file('a/x')]],
  ['something below a file of the other', [file('a')], [file('a/x')]],
];

for (const [why, a, b] of conflicts) {
  test(`ImageTree.addPackage() refuses ${why}, and names both packages`, (t) => {
    const error = t.throws(() => tree(a, b), { code: 'PATH_CONFLICT' });
    t.regex(error?.message ?? '', /"package-0"/);
    t.regex(error?.message ?? '', /"package-1"/);
  });
}

const links = tree([
  link('bin', 'usr/bin'),
  link('var/run', '/run'),
  link('etc/alternatives/awk', '/usr/bin/mawk'),
  link('usr/bin/awk', '/etc/alternatives/awk'),
  link('usr/lib/a', '../b/./c'),
  link('usr/up', '../../../../etc'),
  link('circle', 'circle2'),
  link('circle2', '/circle'),
  link('deep', 'bin/awk'),
  file('usr/sbin/one'),
  { ...file('usr/sbin/other'), type: 'hardlink', linkTarget: 'usr/sbin/one' },
  link('usr/sbin/soft', 'other'),
]);

const resolutions: readonly [path: string, resolved: string, parentResolved: string][] = [
  ['usr/sbin/other', 'usr/sbin/other', 'usr/sbin/other'],
  ['usr/sbin/soft', 'usr/sbin/other', 'usr/sbin/soft'],
  ['etc/passwd', 'etc/passwd', 'etc/passwd'],
  ['bin/sh', 'usr/bin/sh', 'usr/bin/sh'],
  ['/bin/sh', 'usr/bin/sh', 'usr/bin/sh'],
  ['bin', 'usr/bin', 'bin'],
  ['var/run/x/y', 'run/x/y', 'run/x/y'],
  ['bin/awk', 'usr/bin/mawk', 'usr/bin/awk'],
  ['deep', 'usr/bin/mawk', 'deep'],
  ['usr/lib/a/x', 'usr/b/c/x', 'usr/b/c/x'],
  ['usr/up/passwd', 'etc/passwd', 'etc/passwd'],
  ['a//b/./c', 'a/b/c', 'a/b/c'],
  ['', '', ''],
];

for (const [path, resolved, parentResolved] of resolutions) {
  test(`ImageTree.resolve() ${path || 'the root'}`, (t) => {
    t.is(links.resolve(path), resolved);
    t.is(links.resolveParent(path), parentResolved);
  });
}

test('ImageTree.resolve() refuses links that go in circles', (t) => {
  t.throws(() => links.resolve('circle/x'), { code: 'PATH_CONFLICT', message: /in circles/ });
});

test('ImageTree.namesIn() lists one folder', (t) => {
  const some = tree([folder('a'), file('a/x'), folder('a/b'), file('a/b/y'), file('ax')]);
  t.deepEqual(some.namesIn('a'), ['x', 'b']);
  t.deepEqual(some.namesIn(''), ['a', 'ax']);
});

test('unpackTreeEntry() of packTreeEntry() is the entry', (t) => {
  const type = fc.constantFrom('file', 'directory', 'symlink', 'hardlink');
  const number = fc.nat(0o7777);
  fc.assert(
    fc.property(
      type,
      fc.string(),
      number,
      number,
      number,
      fc.string(),
      (kind, path, mode, uid, gid, target) => {
        const entry = {
          path,
          type: kind,
          mode,
          uid,
          gid,
          ...(kind === 'symlink' ? { linkTarget: target } : {}),
        };
        t.deepEqual(
          unpackTreeEntry(JSON.parse(JSON.stringify(packTreeEntry(entry as TreeEntry)))),
          entry as TreeEntry,
        );
      },
    ),
  );
  t.deepEqual(packTreeEntry(folder('usr')), ['d', 'usr']);
  t.is(unpackTreeEntry(['x', 'usr']), undefined);
});
