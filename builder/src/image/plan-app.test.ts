import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { AppRule } from '../recipe/image-recipe.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { planApp } from './plan-app.ts';

async function plan(
  t: ExecutionContext,
  files: { readonly [path: string]: string },
  rest: Partial<AppRule> = {},
) {
  const folder = await temporaryFolder(t);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return await planApp(
    { kind: 'python', from: '.', to: { path: 'opt/app', isFolder: true }, ...rest },
    folder,
  );
}

const starts: readonly [
  why: string,
  files: readonly string[],
  rest: Partial<AppRule>,
  cmd: readonly string[],
][] = [
  ['main.py of a folder', ['main.py', 'app.py'], {}, ['python3', '-u', '/opt/app/main.py']],
  ['app.py of a folder without main.py', ['app.py', 'x/main.py'], {}, ['python3', '-u', '/opt/app/app.py']],
  ['__main__.py of a package', ['__main__.py'], {}, ['python3', '-u', '/opt/app/__main__.py']],
  ['nothing if there is none of them', ['server.py'], {}, []],
  [
    'the file that is named',
    ['src/server.py'],
    { from: 'src/server.py' },
    ['python3', '-u', '/opt/app/server.py'],
  ],
  [
    'where the app goes',
    ['main.py'],
    { to: { path: 'srv', isFolder: true } },
    ['python3', '-u', '/srv/main.py'],
  ],
  ['nothing for plain files', ['main.py'], { kind: 'files' }, []],
];

for (const [why, files, rest, cmd] of starts) {
  test(`planApp() starts ${why}`, async (t) => {
    const made = Object.fromEntries(files.map((path) => [path, '']));
    t.deepEqual((await plan(t, made, rest)).defaultCmd, [...cmd]);
  });
}

test('planApp() leaves out what Python leaves behind', async (t) => {
  const files = {
    'main.py': '',
    'a/__pycache__/b.cpython-313.pyc': '',
    'old.pyc': '',
    '.venv/bin/python': '',
  };
  t.deepEqual(
    (await plan(t, files)).entries.map(({ path }) => path),
    ['', 'a', 'main.py'],
  );
  t.is((await plan(t, files, { kind: 'files' })).entries.length, 9);
});

test('planApp() refuses third-party packages, which are not built yet, instead of leaving them out', async (t) => {
  await t.throwsAsync(plan(t, { 'main.py': '', 'requirements.txt': '# web\n\nflask==3.0\n' }), {
    code: 'RECIPE_UNSUPPORTED',
    message: /asks for "flask==3\.0"/,
  });
  await t.notThrowsAsync(plan(t, { 'main.py': '', 'requirements.txt': '# none\n' }));
  await t.notThrowsAsync(
    plan(t, { 'main.py': '', 'requirements.txt': 'flask', '.imgignore': 'requirements.txt' }),
  );
  await t.notThrowsAsync(
    plan(t, { 'main.py': '', 'requirements.txt': 'flask', '.dockerignore': 'requirements.txt' }),
  );
});
