import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import { type AptSource, parseList, parseSources, readAptSources } from './apt-sources.ts';

const main: AptSource = {
  uri: 'http://mirror.example/debian',
  suite: 'trixie',
  components: ['main'],
  allowsExpired: false,
};

const lists: readonly (readonly [line: string, expected: readonly AptSource[], why: string])[] = [
  ['deb http://mirror.example/debian trixie main', [main], 'the usual line'],
  ['  deb\thttp://mirror.example/debian  trixie main # ours', [main], 'blanks and a comment'],
  ['deb [ arch=amd64 signed-by=/k.gpg ] http://mirror.example/debian trixie main', [main], 'options'],
  [
    'deb [check-valid-until=no] http://mirror.example/debian trixie main',
    [{ ...main, allowsExpired: true }],
    'an old mirror that is used on purpose',
  ],
  [
    'deb http://mirror.example/debian trixie main contrib',
    [{ ...main, components: ['main', 'contrib'] }],
    'several components',
  ],
  [
    'deb http://mirror.example/flat ./',
    [{ ...main, uri: 'http://mirror.example/flat', suite: './', components: [] }],
    'a folder without components',
  ],
  ['deb-src http://mirror.example/debian trixie main', [], 'sources are of no use'],
  ['# deb http://mirror.example/debian trixie main', [], 'a line that is switched off'],
  ['deb http://mirror.example/debian', [], 'half a line'],
  ['', [], 'an empty line'],
];

for (const [line, expected, why] of lists) {
  test(`parseList() reads ${why}`, (t) => {
    t.deepEqual(parseList(line), expected);
  });
}

const paragraph = 'Types: deb\nURIs: http://mirror.example/debian\nSuites: trixie\nComponents: main\n';

const paragraphs: readonly (readonly [text: string, expected: readonly AptSource[], why: string])[] = [
  [paragraph, [main], 'the usual paragraph'],
  [
    `# comment\n${paragraph}Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abcd\n`,
    [main],
    'a key inside',
  ],
  [
    paragraph.replace('trixie', 'trixie trixie-updates'),
    [main, { ...main, suite: 'trixie-updates' }],
    'several suites',
  ],
  [paragraph.replace('deb\n', 'deb-src deb\n'), [main], 'several types'],
  [`${paragraph}Enabled: no\n`, [], 'one that is switched off'],
  [`${paragraph}Check-Valid-Until: no\n`, [{ ...main, allowsExpired: true }], 'an old mirror on purpose'],
  [paragraph.replace('deb\n', 'deb-src\n'), [], 'sources only'],
  [
    `${paragraph}\n${paragraph.replace('/debian', '/other')}`,
    [main, { ...main, uri: 'http://mirror.example/other' }],
    'two paragraphs',
  ],
  ['nonsense\n', [], 'something else'],
];

for (const [text, expected, why] of paragraphs) {
  test(`parseSources() reads ${why}`, (t) => {
    t.deepEqual(parseSources(text), expected);
  });
}

test('readAptSources() reads sources.list, then the folder by name', async (t) => {
  const folder = temporaryFolder(t);
  const parts = join(folder, 'sources.list.d');
  await mkdir(parts);
  await writeFile(join(folder, 'sources.list'), 'deb http://one.example/debian trixie main\n');
  await writeFile(join(parts, 'b.sources'), paragraph.replace('mirror', 'three'));
  await writeFile(join(parts, 'a.list'), 'deb http://two.example/debian trixie main\n');
  await writeFile(join(parts, 'a.list.save'), 'deb http://no.example/debian trixie main\n');
  await mkdir(join(parts, 'folder.list'));
  const uris = (await readAptSources(folder)).map(({ uri }) => uri);
  t.deepEqual(uris, [
    'http://one.example/debian',
    'http://two.example/debian',
    'http://three.example/debian',
  ]);
});

test('readAptSources() follows a file of mirrors, as cloud images have it', async (t) => {
  const folder = temporaryFolder(t);
  const mirrors = join(folder, 'mirrors.txt');
  await writeFile(
    mirrors,
    '# ours\nhttp://one.example/debian\tpriority:1\nfile:/srv\nhttps://two.example/debian\n',
  );
  await writeFile(join(folder, 'sources.list'), `deb mirror+file:${mirrors} trixie main\n`);
  const uris = (await readAptSources(folder)).map(({ uri }) => uri);
  t.deepEqual(uris, ['http://one.example/debian', 'https://two.example/debian']);
});

test('readAptSources() leaves out what is not http and what is not there', async (t) => {
  const folder = temporaryFolder(t);
  const lines = [
    'cdrom:[Debian]/',
    'file:/srv/debian',
    'ftp://mirror.example/debian',
    'mirror+file:/nowhere',
  ];
  await writeFile(join(folder, 'sources.list'), lines.map((uri) => `deb ${uri} trixie main\n`).join(''));
  t.deepEqual(await readAptSources(folder), []);
  t.deepEqual(await readAptSources(join(folder, 'nowhere')), []);
});

type Setting = readonly [why: string, files: { readonly [name: string]: string }, allowsExpired: boolean];

const settings: readonly Setting[] = [
  ['nothing', {}, false],
  ['a line', { 'apt.conf.d/99mirror': 'Acquire::Check-Valid-Until "false";\n' }, true],
  ['a block', { 'apt.conf': 'Acquire {\n  Check-Date "false";\n  Check-Valid-Until "0";\n};\n' }, true],
  [
    'a comment',
    { 'apt.conf': '// Acquire::Check-Valid-Until "false";\n/* Check-Valid-Until "no"; */\n' },
    false,
  ],
  ['another value', { 'apt.conf': 'Acquire::Check-Valid-Until "true";\n' }, false],
  [
    'a later file that takes it back',
    {
      'apt.conf.d/10a': 'Acquire::Check-Valid-Until "false";',
      'apt.conf.d/20b': 'Acquire::Check-Valid-Until "true";',
    },
    false,
  ],
  ['a file that apt leaves out', { 'apt.conf.d/10a.bak': 'Acquire::Check-Valid-Until "false";' }, false],
];

for (const [why, files, allowsExpired] of settings) {
  test(`readAptSources() with ${why} in apt.conf ${allowsExpired ? 'allows' : "doesn't allow"} old indexes`, async (t) => {
    const folder = temporaryFolder(t);
    await mkdir(join(folder, 'apt.conf.d'));
    await writeFile(join(folder, 'sources.list'), 'deb http://mirror.example/debian trixie main\n');
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    t.deepEqual(await readAptSources(folder), [{ ...main, allowsExpired }]);
  });
}
