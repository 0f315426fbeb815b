import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { needsRoot } from '@img/sign/testing/needs';
import test from 'ava';
import { digestFileName } from '../layers/layer-place.ts';
import { setXattr } from '../linux/xattr.ts';
import { flip, keepTime } from '../testing/change-file.ts';
import { tarArchive } from '../testing/tar-bytes.ts';
import { makeHost, manifest, richArchives } from '../testing/tree-host.ts';
import { checkTree, prepareTree } from './prepare-tree.ts';

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

for (const [reason, action] of tampering) {
  test(`checkTree() notices ${reason} in a checkout`, async (t) => {
    if (!needsRoot(t)) return;
    const { request, root, run } = await makeHost(t, ...richArchives);
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
  const { request, root, layers } = await makeHost(t, ...richArchives);
  await prepareTree({ ...request, method: 'checkout' });
  const path = join(root, 'checkouts', digestFileName(manifest), 'large');
  const { mtime } = lstatSync(path);
  flip(path, 5);
  utimesSync(path, mtime, mtime);
  const error = await t.throwsAsync(checkTree({ ...request, method: 'checkout' }));
  t.true(error?.message.includes(`"/large" of layer ${layers[0]} has another content`), error?.message);
});
