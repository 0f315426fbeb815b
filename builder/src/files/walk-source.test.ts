import { Buffer } from 'node:buffer';
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import { parseIgnoreRules } from './ignore-rules.ts';
import { readSource } from './read-source.ts';
import { type SourceEntry, walkSource } from './walk-source.ts';

/** Makes files by path: text is a file's content, `-> target` a link, `/` at the end a folder. */
async function makeFolder(t: ExecutionContext, files: { readonly [path: string]: string }): Promise<string> {
  const folder = temporaryFolder(t);
  for (const [path, text] of Object.entries(files)) {
    const full = join(folder, path);
    await mkdir(path.endsWith('/') ? full : dirname(full), { recursive: true });
    if (path.endsWith('/')) continue;
    if (text.startsWith('-> ')) await symlink(text.slice(3), full);
    else await writeFile(full, text);
  }
  return folder;
}

const rules = (text = '') => parseIgnoreRules(text, '.imgignore');

function line({ path, type, linkTarget, isExecutable }: SourceEntry): string {
  const end = linkTarget === undefined ? '' : ` -> ${linkTarget}`;
  return `${{ file: isExecutable ? 'x' : '-', directory: 'd', symlink: 'l' }[type]} ${path}${end}`;
}

async function walk(
  t: ExecutionContext,
  files: { readonly [path: string]: string },
  from = '.',
  ignore = '',
) {
  return (await walkSource(await makeFolder(t, files), from, rules(ignore))).map(line);
}

test('walkSource() lists a folder sorted, with links as they are', async (t) => {
  const files = { 'b/2': '', 'b/1': '', 'a.txt': '', a: '', 'b/link': '-> ../a', Z: '', 'empty/': '', ő: '' };
  t.deepEqual(await walk(t, files), [
    'd ',
    '- Z',
    '- a',
    '- a.txt',
    'd b',
    '- b/1',
    '- b/2',
    'l b/link -> ../a',
    'd empty',
    '- ő',
  ]);
});

test('walkSource() of one file is that file', async (t) => {
  const folder = await makeFolder(t, { 'src/main.py': 'text' });
  const entries = await walkSource(folder, 'src/main.py', rules());
  t.is(entries.length, 1);
  t.is(entries[0]?.path, '');
  t.is(entries[0]?.sizeBytes, 4);
});

test('walkSource() sees nothing of permissions but whether the owner may execute a file', async (t) => {
  const folder = await makeFolder(t, { plain: '', program: '', odd: '' });
  await chmod(join(folder, 'plain'), 0o666);
  await chmod(join(folder, 'program'), 0o700);
  await chmod(join(folder, 'odd'), 0o611);
  t.deepEqual((await walkSource(folder, '.', rules())).map(line), ['d ', '- odd', '- plain', 'x program']);
});

test('walkSource() leaves out what is ignored, relative to the folder of the img.yaml', async (t) => {
  const files = { 'site/a.html': '', 'site/a.log': '', 'site/tmp/x': '', 'a.log': '' };
  t.deepEqual(await walk(t, files, 'site', '*.log\nsite/tmp'), ['d ', '- a.html', '- a.log']);
  t.deepEqual(await walk(t, files, 'site', '**/*.log\nsite/tmp/*'), ['d ', '- a.html', 'd tmp']);
});

test('walkSource() keeps folders on the way to what an exception takes back in', async (t) => {
  const files = { 'docs/a/README': '', 'docs/a/other': '', 'docs/b/other': '', main: '' };
  t.deepEqual(await walk(t, files, '.', 'docs\n!**/README'), [
    'd ',
    'd docs',
    'd docs/a',
    '- docs/a/README',
    '- main',
  ]);
});

test('walkSource() leaves out the recipe, its lock and version control unless told otherwise', async (t) => {
  const files = {
    'img.yaml': '',
    'img.lock': '',
    '.imgignore': '',
    '.git/config': '',
    'sub/.git/config': '',
    a: '',
  };
  t.deepEqual(await walk(t, files), ['d ', '- a', 'd sub']);
  t.deepEqual(await walk(t, files, '.', '!img.yaml'), ['d ', '- a', '- img.yaml', 'd sub']);
});

test('walkSource() follows a link that is named itself, if it stays in the folder', async (t) => {
  const files = { 'releases/2/main': '', current: '-> releases/2' };
  t.deepEqual(await walk(t, files, 'current'), ['d ', '- main']);
  t.deepEqual(await walk(t, files, 'current/main'), ['- ']);
});

const refused: readonly [
  why: string,
  files: { readonly [path: string]: string },
  from: string,
  message: RegExp,
][] = [
  [
    'a link that climbs out',
    { 'site/link': '-> ../../etc/passwd' },
    'site',
    /"site\/link" is a link to ".*", which leads out/,
  ],
  [
    'a link out of what is copied, also if it stays in the folder',
    { 'site/link': '-> ../other', other: '' },
    'site',
    /leads out/,
  ],
  ['a link that climbs out in the middle', { 'a/link': '-> b/../../../x' }, 'a', /leads out/],
  ['an absolute link', { 'site/link': '-> /etc/passwd' }, 'site', /leads out/],
  ['a source that is a link out of the folder', { link: '-> /etc' }, 'link', /is a link that leads out of/],
  [
    'a source behind a link out of the folder',
    { link: '-> /etc' },
    'link/passwd',
    /is a link that leads out of/,
  ],
];

for (const [why, files, from, message] of refused) {
  test(`walkSource() refuses ${why}`, async (t) => {
    await t.throwsAsync(walk(t, files, from), { code: 'SOURCE_UNSAFE', message });
  });
}

test('walkSource() says what is not there, and what may have been meant', async (t) => {
  const folder = await makeFolder(t, { 'static/page.html': '' });
  const error = await t.throwsAsync(walkSource(folder, 'static/pgae.html', rules()), {
    code: 'SOURCE_MISSING',
  });
  t.is((error as { hint?: string }).hint, 'did you mean "page.html"?');
  await t.throwsAsync(walkSource(folder, 'nothing/like/it', rules()), { code: 'SOURCE_MISSING' });
});

test('walkSource() refuses pipes and sockets, unless they are ignored', async (t) => {
  const folder = await makeFolder(t, { a: '' });
  t.is(spawnSync('mkfifo', [join(folder, 'pipe')]).status, 0);
  await t.throwsAsync(walkSource(folder, '.', rules()), {
    code: 'SOURCE_UNSAFE',
    message: /"pipe" is a named pipe/,
  });
  t.deepEqual((await walkSource(folder, '.', rules('pipe'))).map(line), ['d ', '- a']);
  await rm(join(folder, 'pipe'));
  const server = createServer().listen(join(folder, 'socket'));
  t.teardown(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  await t.throwsAsync(walkSource(folder, '.', rules()), {
    code: 'SOURCE_UNSAFE',
    message: /"socket" is a socket/,
  });
});

test('walkSource() refuses devices', async (t) => {
  const folder = await makeFolder(t, { a: '' });
  if (spawnSync('mknod', [join(folder, 'null'), 'c', '1', '3']).status !== 0) {
    t.log('left out: only root can make devices');
    t.pass();
    return;
  }
  await t.throwsAsync(walkSource(folder, '.', rules()), {
    code: 'SOURCE_UNSAFE',
    message: /"null" is a device/,
  });
});

test('walkSource() refuses names that are not UTF-8, which no layer could hold', async (t) => {
  const folder = await makeFolder(t, { a: '' });
  await writeFile(Buffer.concat([Buffer.from(`${folder}/b`), Buffer.from([0xff])]), '');
  await t.throwsAsync(walkSource(folder, '.', rules()), { code: 'SOURCE_UNSAFE', message: /not UTF-8/ });
});

test('readSource() reads a file, and refuses one that has become a link or a pipe', async (t) => {
  const folder = await makeFolder(t, { a: 'x'.repeat(3_000_000), b: 'secret' });
  const [, entry] = await walkSource(folder, '.', rules());
  const read = async () => Buffer.concat(await Array.fromAsync(readSource(entry as SourceEntry)));
  t.is((await read()).byteLength, 3_000_000);
  await rm(join(folder, 'a'));
  await symlink('b', join(folder, 'a'));
  await t.throwsAsync(read(), { code: 'SOURCE_CHANGED' });
  await rm(join(folder, 'a'));
  t.is(spawnSync('mkfifo', [join(folder, 'a')]).status, 0);
  await t.throwsAsync(read(), { code: 'SOURCE_CHANGED' });
  await rm(join(folder, 'a'));
  await t.throwsAsync(read(), { code: 'SOURCE_CHANGED' });
});

test('walkSource() says what it may not read', async (t) => {
  if (process.getuid?.() === 0) {
    t.log('left out: root may read everything');
    t.pass();
    return;
  }
  const folder = await makeFolder(t, { 'secret/a': '', b: '' });
  await chmod(join(folder, 'secret'), 0);
  await t.throwsAsync(walkSource(folder, '.', rules()), { code: 'SOURCE_UNREADABLE', message: /secret/ });
  await chmod(join(folder, 'secret'), 0o700);
  await chmod(join(folder, 'b'), 0);
  const entry = (await walkSource(folder, 'b', rules()))[0] as SourceEntry;
  await t.throwsAsync(Array.fromAsync(readSource(entry)), { code: 'SOURCE_UNREADABLE' });
});
