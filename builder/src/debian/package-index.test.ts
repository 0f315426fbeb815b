import test from 'ava';
import { Catalog } from './catalog.ts';
import { formatRelation } from './dependency.ts';
import { IndexCompiler } from './index-compiler.ts';
import { PackageIndex } from './package-index.ts';
import { formatStanza, makePackage, type TestStanza } from './testing/test-archive.ts';

function compile(text: string, pieceBytes = text.length): Uint8Array {
  const compiler = new IndexCompiler();
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) compiler.add(bytes.subarray(at, at + pieceBytes));
  return compiler.finish();
}

function open(bytes: Uint8Array): PackageIndex {
  const index = PackageIndex.open(bytes);
  if (index === undefined) throw new TypeError('the index should open');
  return index;
}

const textOf = (...stanzas: readonly TestStanza[]): string =>
  stanzas.map((stanza) => formatStanza(makePackage(stanza).fields)).join('\n');

const catalogOf = (...texts: readonly string[]): Catalog =>
  new Catalog(
    texts.map((text, position) => ({ suite: `suite-${position}`, index: open(compile(text)) })),
    'amd64',
  );

const versionsIn = (index: PackageIndex, name: string): readonly string[] =>
  index.versionsOf(index.numberOf(name) ?? -1).map(({ version }) => version);

const sample = textOf(
  { Package: 'a', Depends: 'c (>= 1), b | d', Provides: 'v (= 2), w' },
  { Package: 'b', Version: '2', Suggests: 'x, python3:any', Replaces: 'y' },
  { Package: 'b', Version: '1', Tag: 'one,\n two', Enhances: 'z' },
);

test('PackageIndex finds packages by name, and names that are only mentioned', (t) => {
  const index = open(compile(sample));
  t.is(index.size, 3);
  t.deepEqual([...index.packageNames()], ['a', 'b']);
  t.deepEqual(versionsIn(index, 'b'), ['2', '1']);
  t.deepEqual(versionsIn(index, 'c'), []);
  t.is(index.numberOf('nowhere'), undefined);
  t.is(index.numberOf(''), undefined);
});

test('PackageIndex finds who provides a name', (t) => {
  const index = open(compile(sample));
  t.deepEqual(
    index.providersOf(index.numberOf('v') ?? -1).map((entry) => entry.package),
    ['a'],
  );
  t.deepEqual(index.providersOf(index.numberOf('c') ?? -1), []);
});

test("PackageIndex numbers names in the order in which apt meets them, `name:any` being another's", (t) => {
  const index = open(compile(sample));
  const order = ['a', 'c', 'b', 'd', 'v', 'w', 'x', 'y', 'z'].map((name) => index.numberOf(name));
  t.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  t.is(index.numberOf('python3'), undefined);
});

for (const pieceBytes of [1, 7, 64, 1000]) {
  test(`IndexCompiler makes the same of pieces of ${pieceBytes} bytes`, (t) => {
    t.deepEqual(compile(sample, pieceBytes), compile(sample));
  });
}

const layouts: readonly (readonly [why: string, change: (text: string) => string])[] = [
  ['empty lines before, between and after', (text) => `\n\n${text.replaceAll('\n\n', '\n\n\n\n')}\n\n\n`],
  ['no line end at the end', (text) => text.trimEnd()],
  [
    'names of fields in other cases',
    (text) => text.replace('Package:', 'PACKAGE:').replace('Depends:', 'depends:'),
  ],
  ['blanks and tabs before values', (text) => text.replace('Depends: ', 'Depends:\t ')],
  ['no blank before a value', (text) => text.replace('Version: 2', 'Version:2')],
  ['values over several lines', (text) => text.replace('c (>= 1), b', 'c (>= 1),\n b')],
  [
    'other fields, long and short',
    (text) => text.replace('Version: 2', `X: y\nDescription: ${'long '.repeat(9999)}\nNo-Colon\nVersion: 2`),
  ],
];

for (const [why, change] of layouts) {
  test(`IndexCompiler reads ${why}`, (t) => {
    const text = change(sample);
    t.not(text, sample);
    const catalog = catalogOf(text);
    t.deepEqual(catalog.candidate('a'), catalogOf(sample).candidate('a'));
    t.deepEqual(catalog.candidate('b'), catalogOf(sample).candidate('b'));
  });
}

test('IndexCompiler reads an empty index', (t) => {
  const index = open(compile(''));
  t.is(index.size, 0);
  t.is(index.numberOf('a'), undefined);
  t.deepEqual([...index.packageNames()], []);
});

test('IndexCompiler keeps thousands of names apart', (t) => {
  const names = Array.from({ length: 5000 }, (_, number) => `p${number}`);
  const index = open(compile(textOf(...names.map((name) => ({ Package: name })))));
  t.is(
    names.findIndex((name, number) => index.numberOf(name) !== number),
    -1,
  );
  t.is(
    names.find((name) => index.versionsOf(index.numberOf(name) ?? -1)[0]?.package !== name),
    undefined,
  );
});

for (const field of ['Package', 'Version', 'Architecture', 'Filename', 'Size', 'SHA256']) {
  test(`IndexCompiler refuses a paragraph without ${field}`, (t) => {
    const text = sample.replace(new RegExp(`^${field}:.*\n`, 'm'), '');
    t.throws(() => compile(text), { code: 'INDEX_INVALID', message: /paragraph 1 of the index/ });
    t.throws(() => compile(sample.replace(new RegExp(`^${field}:.*`, 'm'), `${field}:`)), {
      code: 'INDEX_INVALID',
    });
  });
}

test('IndexCompiler refuses what has no end of a paragraph, before it fills the memory', (t) => {
  const compiler = new IndexCompiler();
  const piece = Buffer.alloc(1024 * 1024, 'x');
  t.throws(
    () => {
      for (;;) compiler.add(piece);
    },
    { code: 'INDEX_INVALID' },
  );
});

test('PackageIndex.open() refuses what is damaged, cut off or of another version', (t) => {
  const good = Buffer.from(compile(sample));
  const changed = (at: number): Buffer => {
    const copy = Buffer.from(good);
    copy[at] = (copy[at] ?? 0) ^ 1;
    return copy;
  };
  t.truthy(PackageIndex.open(good));
  t.is(PackageIndex.open(Buffer.alloc(0)), undefined);
  t.is(PackageIndex.open(good.subarray(0, 20)), undefined);
  t.is(PackageIndex.open(good.subarray(0, good.length - 1)), undefined);
  t.is(PackageIndex.open(Buffer.concat([good, Buffer.alloc(1)])), undefined);
  for (const at of [0, 4, 40, 100, good.length - 1])
    t.is(PackageIndex.open(changed(at)), undefined, `byte ${at}`);
});

test('PackageIndex.open() reads bytes at any place in memory', (t) => {
  const good = compile(sample);
  for (const offset of [1, 2, 3]) {
    const moved = Buffer.alloc(good.length + offset);
    moved.set(good, offset);
    t.deepEqual(versionsIn(open(moved.subarray(offset)), 'b'), ['2', '1']);
  }
});

test('Catalog.candidate() is the newest version, and the first suite of equal ones', (t) => {
  const older = textOf({ Package: 'a', Version: '1.9' }, { Package: 'b', Version: '1' });
  const newer = textOf({ Package: 'a', Version: '1.10' }, { Package: 'b', Version: '1' });
  const catalog = catalogOf(older, newer);
  t.is(catalog.candidate('a')?.package.version, '1.10');
  t.is(catalog.candidate('a')?.package.suite, 'suite-1');
  t.is(catalog.candidate('b')?.package.suite, 'suite-0');
  t.is(catalog.candidate('nowhere'), undefined);
});

test('Catalog.candidate() leaves out other architectures', (t) => {
  const text = textOf(
    { Package: 'a', Architecture: 'arm64' },
    { Package: 'b', Architecture: 'all' },
    { Package: 'c', Version: '2', Architecture: 'arm64' },
    { Package: 'c', Version: '1' },
  );
  t.is(catalogOf(text).candidate('a'), undefined);
  t.is(catalogOf(text).candidate('b')?.package.architecture, 'all');
  t.is(catalogOf(text).candidate('c')?.package.version, '1');
});

test('Catalog.candidate() reads the source that a package was built from', (t) => {
  const text = textOf(
    { Package: 'aa', Version: '1+b2' },
    { Package: 'bb', Version: '1+b2', Source: 'src (1)' },
    { Package: 'cc', Version: '2', Source: 'src' },
  );
  const sources = ['aa', 'bb', 'cc'].map((name) => catalogOf(text).candidate(name)?.package.source);
  t.deepEqual(sources, [
    { name: 'aa', version: '1+b2' },
    { name: 'src', version: '1' },
    { name: 'src', version: '2' },
  ]);
});

test('Catalog.providers() has the candidates only, the last first', (t) => {
  const text = textOf(
    { Package: 'a', Version: '2', Provides: 'v' },
    { Package: 'a', Version: '1', Provides: 'v (= 9)' },
    { Package: 'b', Provides: 'v (= 3)' },
    { Package: 'c', Version: '1', Provides: 'v' },
    { Package: 'c', Version: '2' },
    { Package: 'd', Provides: 'v (>= 1)' },
    { Package: 'v', Provides: 'v' },
  );
  const providers = catalogOf(text).providers('v');
  const shown = providers.map(({ candidate, version }) => `${candidate.package.name} ${version}`);
  t.deepEqual(shown, ['b 3', 'a undefined']);
});

const unusable: readonly (readonly [field: string, value: string, why: string])[] = [
  ['Package', '../evil', 'a name that leads elsewhere'],
  ['Package', 'A', 'capital letters'],
  ['Version', '1/2', 'a slash in a version'],
  ['Version', '1\t2', 'a tab in a version'],
  ['Filename', '/etc/passwd', 'an absolute path'],
  ['Filename', 'pool/../../x.deb', 'a path that leads up'],
  ['Filename', 'pool//x.deb', 'an empty part of a path'],
  ['Filename', 'http://evil.example/x.deb?', 'an address'],
  ['Size', '-1', 'a size below 0'],
  ['Size', '1e9', 'a size in another notation'],
  ['SHA256', 'abcd', 'half a digest'],
  ['Source', 'a b c', 'a source of three words'],
  ['Depends', 'a (', 'a malformed dependency'],
  ['Provides', 'a b', 'a malformed name'],
];

for (const [field, value, why] of unusable) {
  test(`Catalog.candidate() refuses ${why} in ${field}`, (t) => {
    const text = textOf({ Package: 'pp' }).replace(/$/, `${field}: ${value}\n`);
    const name = field === 'Package' ? value : 'pp';
    const error = t.throws(() => catalogOf(text).candidate(name), { code: 'INDEX_INVALID' });
    t.false(/[\t\n]/.test(error?.message ?? ''));
  });
}

test('Catalog.candidate() has the dependencies in the order of apt', (t) => {
  const text = textOf({
    Package: 'aa',
    Breaks: 'f',
    Conflicts: 'e',
    Depends: 'c, d',
    'Pre-Depends': 'b',
    Recommends: 'g',
    Suggests: 'h',
  });
  const dependencies = catalogOf(text).candidate('aa')?.dependencies ?? [];
  const shown = dependencies.map(
    ({ kind, alternatives }) => `${kind} ${alternatives.map(formatRelation).join()}`,
  );
  t.deepEqual(shown, [
    'depends b',
    'depends c',
    'depends d',
    'conflicts e',
    'conflicts f',
    'recommends g',
    'suggests h',
  ]);
});
