import test, { type ExecutionContext } from 'ava';
import { holdPackages } from './held-packages.ts';
import { resolvePackages } from './resolve-packages.ts';
import { startArchive } from './testing/start-archive.ts';
import { makePackage, type TestStanza } from './testing/test-archive.ts';

/** What the second archive makes of a lock of the first, where only some packages are to be updated. */
async function update(
  t: ExecutionContext,
  before: readonly TestStanza[],
  after: readonly TestStanza[],
  updates: readonly string[],
): Promise<string> {
  const first = await startArchive(t, { packages: before.map((fields) => makePackage(fields)) });
  const { packages } = await resolvePackages(first.options);
  const second = await startArchive(t, { packages: after.map((fields) => makePackage(fields)) });
  const held = holdPackages(packages, updates);
  const chosen = await resolvePackages({ ...second.options, held });
  return chosen.packages.map(({ name, version }) => `${name}=${version}`).join(' ');
}

const of = (Package: string, Version: string, Depends = ''): TestStanza => ({ Package, Version, Depends });

const cases: readonly [
  why: string,
  before: readonly TestStanza[],
  after: readonly TestStanza[],
  updates: readonly string[],
  expected: string,
][] = [
  [
    'nothing, so all stay though the archive has them no more',
    [of('app', '1', 'lib'), of('lib', '1')],
    [of('app', '2', 'lib'), of('lib', '2')],
    [],
    'app=1 lib=1',
  ],
  [
    'the one that was named',
    [of('app', '1', 'lib'), of('lib', '1')],
    [of('app', '2', 'lib'), of('lib', '2')],
    ['lib'],
    'app=1 lib=2',
  ],
  [
    'what the new version needs in a new version as well',
    [of('app', '1', 'lib, other'), of('lib', '1'), of('other', '1')],
    [of('app', '2', 'lib (>= 2), other'), of('lib', '2'), of('other', '2')],
    ['app'],
    'app=2 lib=2 other=1',
  ],
  [
    'no version that nothing new asks for, though the newest of its users would',
    [of('app', '1', 'lib'), of('lib', '1', 'base'), of('base', '1')],
    [of('app', '2', 'lib (= 2)'), of('lib', '2', 'base (= 2)'), of('base', '2')],
    ['base'],
    'app=1 base=2 lib=1',
  ],
  [
    'packages of one source together',
    [
      of('app', '1', 'one, two'),
      { ...of('one', '1'), Source: 'pair' },
      { ...of('two', '1'), Source: 'pair' },
    ],
    [
      of('app', '2', 'one, two'),
      { ...of('one', '2'), Source: 'pair' },
      { ...of('two', '2'), Source: 'pair' },
    ],
    ['one'],
    'app=1 one=2 two=2',
  ],
  [
    'the packages of a source by its name',
    [of('app', '1', 'one'), { ...of('one', '1'), Source: 'pair' }],
    [of('app', '2', 'one'), { ...of('one', '2'), Source: 'pair' }],
    ['pair'],
    'app=1 one=2',
  ],
  [
    'what the new version is in conflict with',
    [of('app', '1', 'lib, other'), of('lib', '1'), of('other', '1')],
    [of('app', '2', 'lib, other'), { ...of('lib', '2'), Breaks: 'other (<< 2)' }, of('other', '2')],
    ['lib'],
    'app=1 lib=2 other=2',
  ],
  [
    'to versions whose dependencies are new and gone',
    [of('app', '1', 'old'), of('old', '1')],
    [of('app', '2', 'new'), of('old', '1'), of('new', '1')],
    ['app'],
    'app=2 new=1',
  ],
  [
    'no package whose locked version is still there with dependencies of its own',
    [of('app', '1', 'old, lib'), of('old', '1'), of('lib', '1')],
    [of('app', '1', 'old, lib'), of('app', '2', 'new, lib'), of('old', '1'), of('new', '1'), of('lib', '2')],
    ['lib'],
    'app=1 lib=2 old=1',
  ],
];

for (const [why, before, after, updates, expected] of cases) {
  test(`resolvePackages() updates ${why}`, async (t) => {
    t.is(await update(t, before, after, updates), expected);
  });
}
