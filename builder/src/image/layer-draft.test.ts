import { Buffer } from 'node:buffer';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import { parseIgnoreRules } from '../files/ignore-rules.ts';
import { walkSource } from '../files/walk-source.ts';
import { type CopyOptions, copyFiles } from './copy-files.ts';
import { ImageTree } from './image-tree.ts';
import { LayerDraft } from './layer-draft.ts';

const root = { uid: 0, gid: 0 };

/** A tree like that of a Debian system. */
function debianTree(): ImageTree {
  const tree = new ImageTree();
  const folder = (path: string, mode = 0o755, gid = 0) =>
    ({ path, type: 'directory', mode, uid: 0, gid }) as const;
  tree.addPackage(
    [
      ...['etc', 'usr', 'usr/bin', 'usr/lib', 'var', 'opt'].map((path) => folder(path)),
      folder('tmp', 0o1777),
      folder('var/local', 0o2775, 50),
      { path: 'lib', type: 'symlink', mode: 0o777, ...root, linkTarget: 'usr/lib' },
      { path: 'etc/app.conf', type: 'file', mode: 0o600, ...root },
    ],
    'base',
  );
  return tree;
}

async function list(draft: LayerDraft): Promise<string[]> {
  return await Promise.all(
    draft.items().map(async ({ entry, content }) => {
      const type = { file: '-', directory: 'd', symlink: 'l', hardlink: 'h' }[entry.type];
      const owner = entry.uid + entry.gid === 0 ? '' : ` ${entry.uid}:${entry.gid}`;
      const text = Buffer.concat(await Array.fromAsync(content?.() ?? [])).toString();
      const end = entry.linkTarget === undefined ? '' : ` -> ${entry.linkTarget}`;
      return `${type} ${entry.mode.toString(8)}${owner} ${entry.path}${end}${text === '' ? '' : `: ${text}`}`;
    }),
  );
}

/** A source with a folder, a program and a link, made under a umask that nobody has. */
async function makeSource(t: ExecutionContext): Promise<string> {
  const folder = temporaryFolder(t);
  await mkdir(join(folder, 'site/lib'), { recursive: true, mode: 0o700 });
  await writeFile(join(folder, 'site/page'), 'page', { mode: 0o600 });
  await writeFile(join(folder, 'site/lib/run'), 'run');
  await chmod(join(folder, 'site/lib/run'), 0o711);
  await symlink('page', join(folder, 'site/index'));
  return folder;
}

async function copy(
  t: ExecutionContext,
  from: string,
  to: string,
  rest: Partial<CopyOptions> = {},
  tree = debianTree(),
) {
  const draft = new LayerDraft(tree, 0);
  const entries = await walkSource(await makeSource(t), from, parseIgnoreRules('', ''));
  const target = { path: to.replace(/^\/|\/$/g, ''), isFolder: to.endsWith('/') };
  copyFiles(draft, entries, { from, to: target, mode: undefined, owner: root, ...rest });
  return draft;
}

const copies: readonly [
  why: string,
  from: string,
  to: string,
  rest: Partial<CopyOptions>,
  expected: readonly string[],
][] = [
  [
    'puts the content of a folder into a folder, whatever permissions it has here',
    'site',
    '/srv/web',
    {},
    [
      'd 755 srv',
      'd 755 srv/web',
      'l 777 srv/web/index -> page',
      'd 755 srv/web/lib',
      '- 755 srv/web/lib/run: run',
      '- 644 srv/web/page: page',
    ],
  ],
  [
    'gives a file its new name',
    'site/page',
    '/opt/index.html',
    {},
    ['d 755 opt', '- 644 opt/index.html: page'],
  ],
  ['puts a file into a folder', 'site/page', '/opt/', {}, ['d 755 opt', '- 644 opt/page: page']],
  ['puts a file into the root', 'site/page', '/', {}, ['- 644 page: page']],
  ['replaces a file', 'site/page', '/etc/app.conf', {}, ['d 755 etc', '- 644 etc/app.conf: page']],
  [
    'sets a mode on files, and on folders one that can be searched',
    'site',
    '/opt/web',
    { mode: 0o640 },
    [
      'd 755 opt',
      'd 750 opt/web',
      'l 777 opt/web/index -> page',
      'd 750 opt/web/lib',
      '- 640 opt/web/lib/run: run',
      '- 640 opt/web/page: page',
    ],
  ],
  [
    'gives what is new to an owner, but not folders on the way',
    'site/page',
    '/srv/web/page',
    { owner: { uid: 33, gid: 4 } },
    ['d 755 srv', 'd 755 srv/web', '- 644 33:4 srv/web/page: page'],
  ],
  [
    'follows links of the image instead of replacing them',
    'site',
    '/',
    {},
    ['l 777 index -> page', '- 644 page: page', 'd 755 usr', 'd 755 usr/lib', '- 755 usr/lib/run: run'],
  ],
  [
    'keeps the permissions of folders that are there',
    'site/page',
    '/var/local/tmp',
    { owner: { uid: 1, gid: 1 } },
    ['d 755 var', 'd 2775 0:50 var/local', '- 644 1:1 var/local/tmp: page'],
  ],
];

for (const [why, from, to, rest, expected] of copies) {
  test(`copyFiles() ${why}`, async (t) => {
    t.deepEqual(await list(await copy(t, from, to, rest)), [...expected]);
  });
}

const conflicts: readonly [why: string, from: string, to: string][] = [
  ['a file where a folder is', 'site/page', '/tmp'],
  ['a folder where a file is', 'site', '/etc/app.conf'],
  ['a file below a file', 'site/page', '/etc/app.conf/page'],
  ['a file as the root', 'site/page', ''],
];

for (const [why, from, to] of conflicts) {
  test(`copyFiles() refuses ${why}`, async (t) => {
    await t.throwsAsync(copy(t, from, to), { code: 'PATH_CONFLICT', message: /^site/ });
  });
}

test('copyFiles() lets a later rule replace what an earlier one copied', async (t) => {
  const folder = await makeSource(t);
  const draft = new LayerDraft(debianTree(), 7);
  const rules = parseIgnoreRules('', '');
  const options = { mode: undefined, owner: root };
  copyFiles(draft, await walkSource(folder, 'site', rules), {
    ...options,
    from: 'site',
    to: { path: 'opt', isFolder: true },
  });
  copyFiles(draft, await walkSource(folder, 'site/lib/run', rules), {
    ...options,
    from: 'run',
    to: { path: 'opt/page', isFolder: false },
  });
  t.deepEqual(await list(draft), [
    'd 755 opt',
    'l 777 opt/index -> page',
    'd 755 opt/lib',
    '- 755 opt/lib/run: run',
    '- 755 opt/page: run',
  ]);
  t.true(draft.items().every(({ entry }) => entry.mtimeSeconds === 7));
});

test('LayerDraft is empty until something is added', (t) => {
  const draft = new LayerDraft(debianTree(), 0);
  t.true(draft.isEmpty);
  draft.addFolder('srv', { mode: 0o700, uid: 1, gid: 2 }, 'a test');
  t.false(draft.isEmpty);
});
