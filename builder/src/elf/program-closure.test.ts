import { spawnSync } from 'node:child_process';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import { type ElfParts, makeElf } from '../testing/make-elf.ts';
import { codeOf } from '../testing/test-system.ts';
import { HostRoot } from './host-root.ts';
import { programClosure } from './program-closure.ts';

type Link = { readonly link: string };
type Tree = { readonly [path: string]: ElfParts | string | Link };

const interpreter = '/lib64/ld-linux-x86-64.so.2';
const loader = { [interpreter]: { soname: 'ld-linux-x86-64.so.2' } };
const program = (parts: ElfParts): ElfParts => ({ interpreter, ...parts });

/** Makes a root of these files and finds what its /bin/app needs. */
async function closure(t: ExecutionContext, tree: Tree, programs = ['/bin/app']) {
  const folder = temporaryFolder(t);
  for (const [path, value] of Object.entries({ ...loader, ...tree })) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    if (typeof value === 'string') await writeFile(join(folder, path), value);
    else if ('link' in value) await symlink((value as Link).link, join(folder, path));
    else await writeFile(join(folder, path), makeElf(value));
  }
  return await programClosure(new HostRoot(folder), programs);
}

const lib = '/usr/lib/x86_64-linux-gnu';

const cases: readonly (readonly [why: string, tree: Tree, expected: readonly string[]])[] = [
  [
    'libraries of libraries',
    {
      '/bin/app': program({ needed: ['liba.so'] }),
      [`${lib}/liba.so`]: { needed: ['libb.so'] },
      '/lib/libb.so': {},
    },
    [`${lib}/liba.so`, '/lib/libb.so'],
  ],
  [
    'RUNPATH before the usual folders, and only for the file that has it',
    {
      '/bin/app': program({ needed: ['liba.so'], runpath: '/opt/lib' }),
      '/opt/lib/liba.so': { needed: ['libb.so'] },
      '/opt/lib/libb.so': {},
      [`${lib}/liba.so`]: {},
      [`${lib}/libb.so`]: {},
    },
    ['/opt/lib/liba.so', `${lib}/libb.so`],
  ],
  [
    'RPATH also for what is loaded on behalf of the file',
    {
      '/bin/app': program({ needed: ['liba.so'], rpath: '/opt/lib' }),
      '/opt/lib/liba.so': { needed: ['libb.so'] },
      '/opt/lib/libb.so': {},
      [`${lib}/libb.so`]: {},
    },
    ['/opt/lib/liba.so', '/opt/lib/libb.so'],
  ],
  [
    'no RPATH of a file that has a RUNPATH',
    {
      '/bin/app': program({ needed: ['liba.so'], rpath: '/opt/a', runpath: '/opt/b' }),
      '/opt/a/liba.so': {},
      '/opt/b/liba.so': {},
    },
    ['/opt/b/liba.so'],
  ],
  [
    'variables in folders',
    {
      '/bin/app': program({
        needed: ['liba.so', 'libb.so', 'libc.so'],
        runpath: `$ORIGIN/../a:\${ORIGIN}/../b:/opt/$LIB`,
      }),
      '/a/liba.so': {},
      '/b/libb.so': {},
      '/opt/lib/x86_64-linux-gnu/libc.so': {},
    },
    ['/a/liba.so', '/b/libb.so', '/opt/lib/x86_64-linux-gnu/libc.so'],
  ],
  [
    'what is loaded already by its soname',
    {
      '/bin/app': program({ needed: ['liba.so.1.2', 'libb.so'], runpath: '/opt' }),
      '/opt/liba.so.1.2': { soname: 'liba.so.1' },
      '/opt/libb.so': { needed: ['liba.so.1'] },
    },
    ['/opt/liba.so.1.2', '/opt/libb.so'],
  ],
  [
    'no library for another processor',
    {
      '/bin/app': program({ needed: ['liba.so'] }),
      '/lib/x86_64-linux-gnu/liba.so': { machine: 3 },
      '/usr/lib/liba.so': {},
    },
    ['/usr/lib/liba.so'],
  ],
  [
    'variants for newer processors beside the library',
    {
      '/bin/app': program({ needed: ['liba.so'] }),
      [`${lib}/liba.so`]: {},
      [`${lib}/glibc-hwcaps/x86-64-v3/liba.so`]: {},
    },
    [`${lib}/glibc-hwcaps/x86-64-v3/liba.so`, `${lib}/liba.so`],
  ],
  [
    'what notes say that is loaded at run time, if it is there',
    {
      '/bin/app': program({ dlopen: [{ soname: ['liba.so'] }, { soname: ['libb.so'] }] }),
      [`${lib}/liba.so`]: {},
    },
    [`${lib}/liba.so`],
  ],
  [
    'what is loaded by habit, without modules’ own needs that are not there',
    {
      '/bin/app': program({ needed: ['libsasl2.so.2'] }),
      [`${lib}/libsasl2.so.2`]: { soname: 'libsasl2.so.2' },
      [`${lib}/sasl2/libplain.so`]: { needed: ['libnone.so'] },
      [`${lib}/sasl2/readme`]: 'x',
    },
    [`${lib}/libsasl2.so.2`, `${lib}/sasl2/libplain.so`],
  ],
  [
    'the standard library of Python',
    {
      '/bin/app': { link: '../usr/bin/python3.13' },
      '/usr/bin/python3.13': program({}),
      '/usr/lib/python3.13/os.py': 'x',
      '/usr/lib/python3.13/lib-dynload/_ssl.so': { needed: ['libssl.so.3'] },
      '/usr/lib/python3.13/__pycache__/os.pyc': 'x',
      [`${lib}/libssl.so.3`]: {},
    },
    [
      '/usr/bin/python3.13',
      '/usr/lib/python3.13/lib-dynload/_ssl.so',
      '/usr/lib/python3.13/os.py',
      `${lib}/libssl.so.3`,
    ],
  ],
  [
    'what Perl has beside it',
    {
      '/bin/app': { link: '../usr/bin/perl' },
      '/usr/bin/perl': program({}),
      [`${lib}/perl-base/strict.pm`]: 'x',
      '/usr/share/perl/5.40.1/POSIX.pm': 'x',
      '/usr/share/perl/5.40': { link: '5.40.1' },
    },
    ['/usr/bin/perl', '/usr/share/perl/5.40.1/POSIX.pm', `${lib}/perl-base/strict.pm`],
  ],
  [
    'the interpreter of a script, and what env looks up',
    {
      '/bin/app': '#!/usr/bin/env -S tool -x\n',
      '/usr/bin/env': program({ needed: ['liba.so'] }),
      '/usr/bin/tool': program({}),
      [`${lib}/liba.so`]: {},
    },
    ['/bin/app', '/usr/bin/env', '/usr/bin/tool', `${lib}/liba.so`],
  ],
  ['nothing for a static program', { '/bin/app': { isStatic: true } }, ['/bin/app']],
];

for (const [why, tree, expected] of cases) {
  test(`programClosure() finds ${why}`, async (t) => {
    const { files } = await closure(t, tree);
    const found = files.filter(
      (path) => path !== interpreter && !('/bin/app' === path && !expected.includes(path)),
    );
    t.deepEqual(found, [...expected].sort());
    t.is(files.includes(interpreter), why !== 'nothing for a static program');
  });
}

test('programClosure() keeps links as they are', async (t) => {
  const { files, links } = await closure(t, {
    '/bin': { link: 'usr/bin' },
    '/usr/bin/app': program({ needed: ['liba.so.1'] }),
    '/usr/lib/x86_64-linux-gnu/liba.so.1': { link: 'liba.so.1.0' },
    '/usr/lib/x86_64-linux-gnu/liba.so.1.0': {},
  });
  t.deepEqual(files, [interpreter, '/usr/bin/app', `${lib}/liba.so.1.0`]);
  t.deepEqual(
    [...links],
    [
      ['/bin', 'usr/bin'],
      [`${lib}/liba.so.1`, 'liba.so.1.0'],
    ],
  );
});

test('programClosure() leads from a usual folder to what only /etc/ld.so.conf names', async (t) => {
  const { files, links } = await closure(t, {
    '/bin/app': program({ needed: ['liba.so'] }),
    '/etc/ld.so.conf': '# comment\ninclude /etc/ld.so.conf.d/*.conf\n/opt/other # more\n',
    '/etc/ld.so.conf.d/a.conf': '/opt/lib\n',
    '/etc/ld.so.conf.d/a.txt': '/opt/no\n',
    '/opt/lib/liba.so': {},
    '/opt/no/liba.so': {},
  });
  t.true(files.includes('/opt/lib/liba.so'));
  t.is(links.get('/usr/lib/liba.so'), '/opt/lib/liba.so');
});

const refusals: readonly (readonly [why: string, tree: Tree, code: string])[] = [
  ['a program that is not there', {}, 'BINARY_MISSING'],
  ['a folder', { '/bin/app/x': 'x' }, 'BINARY_MISSING'],
  ['a link that leads nowhere', { '/bin/app': { link: 'gone' } }, 'BINARY_MISSING'],
  ['links in a circle', { '/bin/app': { link: 'b' }, '/bin/b': { link: 'app' } }, 'BINARY_MISSING'],
  ['text', { '/bin/app': 'echo\n' }, 'BINARY_UNSUPPORTED'],
  ['scripts in a circle', { '/bin/app': '#!/bin/app\n' }, 'BINARY_UNSUPPORTED'],
  ['a script for what is not there', { '/bin/app': '#!/bin/none\n' }, 'BINARY_MISSING'],
  ['a library that is not there', { '/bin/app': program({ needed: ['libx.so'] }) }, 'LIBRARY_MISSING'],
  ['an interpreter that is not there', { '/bin/app': { interpreter: '/lib/none' } }, 'LIBRARY_MISSING'],
  [
    'a library that is damaged',
    { '/bin/app': program({ needed: ['libx.so'] }), '/lib/libx.so': 'x' },
    'ELF_INVALID',
  ],
];

for (const [why, tree, code] of refusals) {
  test(`programClosure() refuses ${why}`, async (t) => {
    t.is(await codeOf(closure(t, tree)), code);
  });
}

test('programClosure() finds what ldd finds, for the programs of this machine', async (t) => {
  if (!needsTool(t, 'ldd')) return;
  const names = (await readdir('/usr/bin')).sort().filter((_, index) => index % 25 === 0);
  let compared = 0;
  for (const path of ['/usr/bin/curl', ...names.map((name) => `/usr/bin/${name}`)]) {
    const { stdout, status } = spawnSync('ldd', [path], { encoding: 'utf8' });
    const found = await new HostRoot().follow(path);
    if (
      status !== 0 ||
      stdout.includes('not a dynamic') ||
      stdout.includes('not found') ||
      found === undefined
    )
      continue;
    const root = new HostRoot();
    const expected = new Set<string>();
    for (const [, place = ''] of stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)) {
      expected.add((await root.follow(place))?.path ?? place);
    }
    const { files } = await programClosure(root, [path]);
    for (const file of expected) t.true(files.includes(file), `${path}: ${file}`);
    compared += 1;
  }
  t.log(`${compared} programs`);
  t.true(compared > 5);
});
