import test from 'ava';
import type { AppRule } from '../recipe/image-recipe.ts';
import { makeElf } from '../testing/make-elf.ts';
import { planLayers } from '../testing/plan-layers.ts';

const starts: readonly [
  why: string,
  files: readonly string[],
  rule: Partial<AppRule>,
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

for (const [why, paths, rule, cmd] of starts) {
  test(`planApp() starts ${why}`, async (t) => {
    const files = Object.fromEntries(paths.map((path) => [path, '']));
    t.deepEqual((await planLayers(t, { files, rule: { kind: 'python', ...rule } })).start.cmd, [...cmd]);
  });
}

test('planApp() leaves out what Python leaves behind', async (t) => {
  const files = {
    'main.py': 'x',
    'a/__pycache__/b.cpython-313.pyc': '',
    'old.pyc': '',
    '.venv/bin/python': '',
  };
  const { layers } = await planLayers(t, { files, rule: { kind: 'python' } });
  t.deepEqual(layers, [{ what: 'app .', files: { 'opt/app/main.py': 'x' } }]);
  const plain = await planLayers(t, { files, rule: { kind: 'files' } });
  t.is(Object.keys(plain.layers[0]?.files ?? {}).length, 4);
});

test('planApp() takes a static program for what it is, whatever its permissions and ignore rules', async (t) => {
  const files = { 'bin/agent': makeElf({ isStatic: true }), '.dockerignore': 'bin' };
  const { start, layers } = await planLayers(t, { files, rule: { kind: 'go', from: 'bin/agent' } });
  t.deepEqual(start.cmd, ['/opt/app/agent']);
  t.deepEqual(Object.keys(layers[0]?.files ?? {}), ['opt/app/agent']);
});

const refusals: readonly [why: string, content: Uint8Array | string, message: RegExp][] = [
  [
    'needs libraries',
    makeElf({ needed: ['libc.so.6'], interpreter: '/lib64/ld.so' }),
    /not static.*libc\.so\.6/,
  ],
  ['is for another processor', makeElf({ isStatic: true, machine: 183 }), /is for arm64/],
  ['is for another system', 'MZ', /no program for Linux/],
];

for (const [why, content, message] of refusals) {
  test(`planApp() refuses a Go program that ${why}`, async (t) => {
    const planned = planLayers(t, { files: { agent: content }, rule: { kind: 'go', from: 'agent' } });
    await t.throwsAsync(planned, { code: 'APP_UNSUPPORTED', message });
  });
}

test('planApp() refuses a folder of Go sources', async (t) => {
  const planned = planLayers(t, { files: { 'main.go': '' }, rule: { kind: 'go' } });
  await t.throwsAsync(planned, { code: 'APP_UNSUPPORTED', message: /is a folder/ });
});
