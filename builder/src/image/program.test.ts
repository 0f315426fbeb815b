import test from 'ava';
import type { Script } from '../deb/convert-deb.ts';
import type { PackageLayer } from '../layers/package-layers.ts';
import { ImageTree } from './image-tree.ts';
import { impliedPackages } from './implied-packages.ts';
import { defaultPath } from './merge-execution.ts';
import { checkProgram, checkShebang, lookUpProgram, type Start } from './program.ts';

const tree = new ImageTree();
const file = (path: string, mode = 0o755) => ({ path, type: 'file', mode, uid: 0, gid: 0 }) as const;
const link = (path: string, linkTarget: string) =>
  ({ path, type: 'symlink', mode: 0o777, uid: 0, gid: 0, linkTarget }) as const;
tree.addPackage(
  [
    link('bin', 'usr/bin'),
    file('usr/bin/python3.13'),
    link('usr/bin/python3', 'python3.13'),
    file('usr/bin/data', 0o644),
    { path: 'usr/bin/folder', type: 'directory', mode: 0o755, uid: 0, gid: 0 },
    { path: 'usr/bin/other', type: 'hardlink', mode: 0o755, uid: 0, gid: 0 },
    link('usr/bin/dangling', '/missing'),
    file('usr/lib/erlang/bin/erl'),
    link('usr/bin/erl', '../lib/erlang/bin/erl'),
    file('opt/app/run.sh'),
    file('usr/sbin/nginx'),
  ],
  'base',
);
const start = (program: string, rest: Partial<Start> = {}): Start => ({
  program,
  workingDir: '',
  path: defaultPath,
  ...rest,
});

const found: readonly [start: Start, place: string, why: string][] = [
  [start('python3'), 'usr/bin/python3.13', 'a name, through a link'],
  [start('/usr/bin/python3'), 'usr/bin/python3.13', 'an absolute path'],
  [start('/bin/python3'), 'usr/bin/python3.13', 'through the link of a merged /usr'],
  [start('nginx'), 'usr/sbin/nginx', 'in another folder of PATH'],
  [start('other'), 'usr/bin/other', 'another name of a file'],
  [start('./run.sh', { workingDir: '/opt/app' }), 'opt/app/run.sh', 'relative to the working directory'],
  [start('run.sh', { path: '/opt/app' }), 'opt/app/run.sh', 'with a PATH of the recipe'],
];

for (const [each, place, why] of found) {
  test(`lookUpProgram() finds ${each.program}: ${why}`, (t) => t.is(lookUpProgram(tree, each), place));
}

const missing: readonly [start: Start, message: RegExp, hint: RegExp, why: string][] = [
  [start('sh'), /"sh" is not in the image/, /Add dash to packages/, 'a shell'],
  [
    start('/usr/bin/java'),
    /"\/usr\/bin\/java" is not/,
    /default-jre-headless/,
    'a program whose package is known',
  ],
  [start('pyhton3'), /is not in the image/, /did you mean python3/, 'a mistyped name'],
  [start('something'), /is not in the image/, /Add the package that has it/, 'something else'],
  [start('run.sh'), /is not in the image/, /./, 'a name that is not in PATH'],
  [start('data'), /"\/usr\/bin\/data" in the image is not executable/, /mode "0755"/, 'a file without x'],
  [start('folder'), /is a folder/, /./, 'a folder'],
  [start('dangling'), /is not in the image/, /./, 'a link to nothing'],
  [start('/'), /is not in the image|is a folder/, /./, 'the root'],
];

for (const [each, message, hint, why] of missing) {
  test(`checkProgram() refuses ${each.program}: ${why}`, (t) => {
    const error = t.throws(() => checkProgram(tree, each, 'and run starts it'), {
      code: 'PROGRAM_MISSING',
      message,
    });
    t.regex((error as { hint?: string }).hint ?? '', hint);
  });
}

test('checkShebang() refuses a script without what runs it', (t) => {
  t.notThrows(() => checkShebang(tree, 'x', { interpreter: '/usr/bin/python3' }, start('x')));
  t.throws(() => checkShebang(tree, 'opt/x', { interpreter: '/bin/sh' }, start('x')), {
    message: '"/bin/sh" is not in the image, and "/opt/x" is a script for it',
  });
  t.throws(
    () => checkShebang(tree, 'opt/x', { interpreter: '/usr/bin/python3', lookedUp: 'ruby' }, start('x')),
    {
      message: '"ruby" is not in the image, and "/opt/x" is a script for it',
    },
  );
});

const implied: readonly [
  program: string,
  scripts: readonly Script[],
  names: readonly string[],
  why: string,
][] = [
  [
    'erl',
    [{ path: 'usr/lib/erlang/bin/erl', interpreter: '/bin/sh' }],
    ['dash', 'coreutils'],
    'a shell script behind a link',
  ],
  [
    'erl',
    [{ path: 'usr/lib/erlang/bin/erl', interpreter: '/usr/bin/env', lookedUp: 'bash' }],
    ['coreutils', 'bash', 'coreutils'],
    'a script through env',
  ],
  [
    'erl',
    [{ path: 'usr/lib/erlang/bin/erl', interpreter: '/usr/bin/python3' }],
    [],
    'an interpreter that is there',
  ],
  [
    'erl',
    [{ path: 'usr/lib/erlang/bin/erl', interpreter: '/opt/own/shell' }],
    [],
    'an interpreter that nobody knows',
  ],
  [
    'python3',
    [{ path: 'usr/lib/erlang/bin/erl', interpreter: '/bin/sh' }],
    [],
    'a script that is not started',
  ],
  [
    'missing',
    [{ path: 'usr/lib/erlang/bin/erl', interpreter: '/bin/sh' }],
    [],
    'a program that is not there',
  ],
];

for (const [program, scripts, names, why] of implied) {
  test(`impliedPackages(): ${why}`, (t) => {
    const layers = [{ notes: { scripts } } as PackageLayer];
    t.deepEqual(
      impliedPackages(start(program), { layers, tree }).map(({ name }) => name),
      [...names],
    );
  });
}

test('impliedPackages() of an image that starts nothing are none', (t) => {
  t.deepEqual(impliedPackages(undefined, { layers: [], tree }), []);
});
