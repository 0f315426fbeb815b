import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { newInstance } from '@img/cli/testing/run-img';
import { paxHeader, type TarBytes, tarArchive } from '@img/runtime/testing/tar-bytes';
import test from 'ava';
import { folderState } from '../testing/folder-state.ts';
import { runForRefusal } from '../testing/instance.ts';

const marker: TarBytes = { path: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' };
const up = '../'.repeat(12);

/** Archives that are no images, and how they are refused; `outside` is a folder of the host without leading slash. */
const archives: readonly (readonly [
  name: string,
  make: (outside: string) => Uint8Array,
  message: RegExp,
  code?: string,
])[] = [
  [
    'has a name with ..',
    (outside) => tarArchive(marker, { path: `${up}${outside}/file`, content: 'owned' }),
    /has the name "\.\.\/.*", which is not a path inside of it$/,
  ],
  [
    'has an absolute name',
    (outside) => tarArchive(marker, { path: `/${outside}/file`, content: 'owned' }),
    /has the name "\/.*", which is not a path inside of it$/,
  ],
  [
    'has a link to a file of the host in the place of its index',
    (outside) => tarArchive(marker, { path: 'index.json', type: '2', link: `/${outside}/file` }),
    /index\.json/,
    'LAYOUT_INVALID',
  ],
  [
    'has a hard link',
    (outside) => tarArchive(marker, { path: 'index.json', type: '1', link: `/${outside}/file` }),
    /has "index\.json" of type "1", which no image archive has$/,
  ],
  [
    'has a device',
    () => tarArchive(marker, { path: 'index.json', type: '3', device: [1, 5] }),
    /has "index\.json" of type "3", which no image archive has$/,
  ],
  [
    'has a file twice',
    () => tarArchive(marker, { path: 'index.json', content: '{}' }, { path: './index.json', content: '[]' }),
    /has "\.?\/?index\.json" twice$/,
  ],
  ['has a file of four petabytes', () => tarArchive(marker, { path: 'huge', size: 2 ** 52 }), /is cut off$/],
  [
    'has a size that is no number, in a PAX header',
    () => tarArchive(marker, paxHeader([['size', '-1']]), { path: 'index.json' }),
    /has "-1" as the size of a file$/,
  ],
  ['is compressed', () => gzipSync(Buffer.alloc(64 * 1024 * 1024)), /is compressed$/],
];

test('img copy refuses archives that are no images, and touches nothing outside', async (t) => {
  const instance = await newInstance(t);
  const outside = join(instance.folder, 'outside');
  await mkdir(outside);
  await writeFile(join(outside, 'file'), 'precious');
  const untouched = folderState(outside);
  for (const kind of ['oci-archive', 'docker-archive']) {
    for (const [name, make, message, expected = 'ARCHIVE_INVALID'] of archives) {
      await writeFile(join(instance.folder, 'bad.tar'), make(outside.slice(1)));
      const words = ['copy', `${kind}:bad.tar`, 'oci:copied:1.0'];
      const { code, error, stderr } = await runForRefusal(instance, words);
      t.is(code, 1, `${kind} ${name}: ${stderr}`);
      t.is(error?.code, expected, `${kind} ${name}`);
      t.regex(error?.message ?? '', message, `${kind} ${name}`);
      t.false((await readdir(instance.folder)).includes('copied'), name);
    }
  }
  t.deepEqual(folderState(outside), untouched);
});
