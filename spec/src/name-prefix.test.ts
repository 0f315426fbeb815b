import test from 'ava';
import fc from 'fast-check';
import { coversName, mostSpecificPrefix, parseNamePrefix } from './name-prefix.ts';
import { parseRepositoryName } from './repository-name.ts';
import { SpecError } from './spec-error.ts';

const covers: readonly [prefix: string, name: string, covered: boolean, reason: string][] = [
  ['com.example.app', 'com.example.app', true, 'the name itself'],
  ['com.example.app', 'com.example.app.worker', true, 'below, after a dot'],
  ['com.example.app', 'com.example.app/worker', true, 'below, after a slash'],
  ['com.example.app', 'com.example.apps', false, 'another name that begins the same (the bug of rkt)'],
  ['com.example.app', 'com.example.app-evil', false, 'a dash is no boundary'],
  ['com.example.app', 'com.example.app_evil', false, 'an underscore is no boundary'],
  ['com.example.app', 'com.example', false, 'above'],
  ['com.example.app', 'evil/com.example.app', false, 'only at the beginning'],
  ['com.example.', 'com.example.app', true, 'below'],
  ['com.example.', 'com.example', false, 'only below'],
  ['com.example.', 'com.examples.app', false, 'another label'],
  ['com.example.', 'com.example/app', false, 'a slash is not a dot'],
  ['com.example/', 'com.example/app', true, 'below'],
  ['com.example/', 'com.example.app', false, 'a dot is not a slash'],
  ['com.example/app', 'com.example/app/x', true, 'below'],
  ['com.example/app', 'com.example/app2', false, 'another name'],
  ['*', 'anything/at.all', true, 'every name'],
];

test('coversName() goes by labels', (t) => {
  for (const [prefix, name, covered, reason] of covers) {
    t.is(
      coversName(parseNamePrefix(prefix), parseRepositoryName(name)),
      covered,
      `${prefix} ${name}: ${reason}`,
    );
  }
});

test('parseNamePrefix() accepts a star after a boundary as another spelling', (t) => {
  t.is(parseNamePrefix('com.example.*'), parseNamePrefix('com.example.'));
  t.is(parseNamePrefix('com.example/*'), parseNamePrefix('com.example/'));
});

const refused: readonly [text: string, reason: string][] = [
  ['', 'empty would be every name'],
  ['.', 'only a boundary'],
  ['.*', 'only a boundary'],
  ['/', 'only a boundary'],
  ['**', 'two stars'],
  ['com.*.app', 'a star in the middle'],
  ['com.example*', 'a star inside a label would cover com.examples'],
  ['com.example..', 'two boundaries'],
  ['com.example./', 'two boundaries'],
  ['Com.example', 'upper case'],
  ['com.example:1.0', 'a tag'],
  ['com.example\n', 'a new line'],
  ['127.0.0.1:5000/com.example', 'a registry: rules are for names'],
  [`${'a.'.repeat(200)}a`, 'too long'],
  ['a.'.repeat(2_000_000), 'hostile length'],
];

test('parseNamePrefix() refuses everything else', (t) => {
  for (const [text, reason] of refused) {
    t.throws(
      () => parseNamePrefix(text),
      { instanceOf: SpecError, code: 'PREFIX_INVALID', message: /^prefix "/ },
      reason,
    );
  }
});

const label = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 2 });
const names = fc
  .tuple(label, fc.array(fc.tuple(fc.constantFrom('.', '/', '-', '_'), label), { maxLength: 4 }))
  .map(([first, rest]) => first + rest.map(([separator, next]) => separator + next).join(''));

test('coversName() agrees with comparing label by label', (t) => {
  const labels = (text: string) => text.split(/(?<=[./])/);
  fc.assert(
    fc.property(names, names, fc.constantFrom('', '.', '/'), (prefixName, nameText, boundary) => {
      const prefix = parseNamePrefix(prefixName + boundary);
      const name = parseRepositoryName(nameText);
      const wanted = labels(prefix);
      const given = labels(name).slice(0, wanted.length);
      // Without a boundary at its end, the last label may be followed by either or by nothing.
      if (boundary === '') given.push((given.pop() ?? '').replace(/[./]$/, ''));
      const exists = boundary === '' || labels(name).length > wanted.length || !/[./]$/.test(name);
      t.is(coversName(prefix, name), exists && given.join('') === wanted.join(''), `${prefix} ${name}`);
    }),
    { numRuns: 1000 },
  );
});

const mostSpecific: readonly [prefixes: string[], name: string, best: string | undefined, reason: string][] =
  [
    [['*', 'com.example.', 'com.example.app'], 'com.example.app', 'com.example.app', 'the longest'],
    [['com.example.app', 'com.example.', '*'], 'com.example.apps', 'com.example.', 'order does not matter'],
    [
      ['com.example.', 'com.example'],
      'com.example.app',
      'com.example.',
      'only below is more specific than the name',
    ],
    [['com.example.', 'com.example'], 'com.example', 'com.example', 'only the name covers itself'],
    [['*', 'org.'], 'com.example', '*', 'every name is the last resort'],
    [['*', 'a'], 'a', 'a', 'one letter is more specific than every name'],
    [['org.'], 'com.example', undefined, 'nothing covers it'],
    [[], 'com.example', undefined, 'there is no rule'],
  ];

test('mostSpecificPrefix() finds the rule that ends the search', (t) => {
  for (const [prefixes, name, best, reason] of mostSpecific) {
    t.is(
      mostSpecificPrefix(prefixes.map(parseNamePrefix), parseRepositoryName(name)) as string | undefined,
      best,
      reason,
    );
  }
});
