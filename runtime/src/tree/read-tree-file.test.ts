import test from 'ava';
import { tarArchive } from '../testing/tar-bytes.ts';
import { makeHost, richArchives } from '../testing/tree-host.ts';
import { prepareTree } from './prepare-tree.ts';
import { readTreeFile } from './read-tree-file.ts';

test('readTreeFile() reads within the image, through links but never out of it', async (t) => {
  const { request } = await makeHost(
    t,
    ...richArchives,
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
