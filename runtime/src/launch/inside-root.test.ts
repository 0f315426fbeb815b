import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import { readInside, resolveInside } from './inside-root.ts';

function tree(t: ExecutionContext): string {
  const outside = temporaryFolder(t);
  writeFileSync(join(outside, 'secret'), 'secret');
  const root = join(outside, 'root');
  mkdirSync(join(root, 'run/app'), { recursive: true });
  mkdirSync(join(root, 'var'));
  mkdirSync(join(root, 'a/b'), { recursive: true });
  writeFileSync(join(root, 'a/file'), 'content');
  for (const [path, target] of [
    ['var/run', '../run'],
    ['abs', '/run/app'],
    ['up', '../../../../../../secret'],
    ['chain', 'abs'],
    ['dangling', 'not/there'],
    ['self', 'self'],
    ['a/dot', './b/..//b/.'],
    ['filelink', 'a/file'],
  ] as const) {
    symlinkSync(target, join(root, path));
  }
  return root;
}

for (const [path, expected, exists, reason] of [
  ['/', '/', true, 'the root'],
  ['/a/b', '/a/b', true, 'a plain path'],
  ['//a/./b/', '/a/b', true, 'dots and slashes'],
  ['/var/run/app', '/run/app', true, 'a relative link'],
  ['/abs', '/run/app', true, 'an absolute link stays inside'],
  ['/chain/x', '/run/app/x', false, 'links to links, then nothing'],
  ['/up', '/secret', false, '".." stops at the root'],
  ['/../../secret', '/secret', false, '".." stops at the root'],
  ['/dangling/x', '/not/there/x', false, 'a link to nothing'],
  ['/a/dot', '/a/b', true, 'dots inside of a link'],
  ['/nothing/../a', '/a', true, '".." after what is missing'],
  ['/filelink', '/a/file', true, 'a link to a file'],
] as const) {
  test(`resolveInside() of ${path}: ${reason}`, (t) => {
    const found = resolveInside(tree(t), path);
    t.is(found.path, expected);
    t.is(found.stat !== undefined, exists);
  });
}

test('resolveInside() refuses circles and paths through files', (t) => {
  const root = tree(t);
  t.throws(() => resolveInside(root, '/self'), { code: 'MOUNT_INVALID', message: /40 links/ });
  t.throws(() => resolveInside(root, '/a/file/x'), {
    code: 'MOUNT_INVALID',
    message: /"\/a\/file".*no folder/,
  });
  t.throws(() => resolveInside(root, '/filelink/x'), { code: 'MOUNT_INVALID', message: /no folder/ });
});

test('readInside() reads regular files of a bounded size only', (t) => {
  const root = tree(t);
  t.is(new TextDecoder().decode(readInside(root, '/filelink', 7, 'USER_INVALID')), 'content');
  t.is(readInside(root, '/up', 100, 'USER_INVALID'), undefined, 'the file outside is not found');
  t.throws(() => readInside(root, '/a/file', 6, 'USER_INVALID'), {
    code: 'USER_INVALID',
    message: /7 bytes/,
  });
  t.throws(() => readInside(root, '/a', 100, 'USER_INVALID'), {
    code: 'USER_INVALID',
    message: /no regular file/,
  });
});
