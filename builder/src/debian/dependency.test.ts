import test from 'ava';
import { acceptsVersion, formatAlternatives, parseDependencies } from './dependency.ts';

const readings: readonly (readonly [text: string, expected: string, why: string])[] = [
  ['', '[]', 'an empty field'],
  ['libc6', '[[{"name":"libc6"}]]', 'a name'],
  ['a, b', '[[{"name":"a"}],[{"name":"b"}]]', 'a comma joins what is needed together'],
  ['a | b', '[[{"name":"a"},{"name":"b"}]]', 'a bar joins alternatives'],
  ['a(>=1)', '[[{"name":"a","operator":">=","version":"1"}]]', 'spaces may be left out'],
  ['a ( >= 1 )', '[[{"name":"a","operator":">=","version":"1"}]]', 'or be in more places'],
  [
    'python3:any (<< 3.14)',
    '[[{"name":"python3","qualifier":"any","operator":"<<","version":"3.14"}]]',
    'a qualifier',
  ],
  ['a (< 1)', '[[{"name":"a","operator":"<=","version":"1"}]]', 'the old < means <='],
  ['a (> 1)', '[[{"name":"a","operator":">=","version":"1"}]]', 'the old > means >='],
  ['g++ (= 4:14.2.0-1)', '[[{"name":"g++","operator":"=","version":"4:14.2.0-1"}]]', 'plus in a name'],
  ['a,', '[[{"name":"a"}]]', 'a comma at the end is tolerated'],
];

for (const [text, expected, why] of readings) {
  test(`parseDependencies() reads ${JSON.stringify(text)}: ${why}`, (t) => {
    t.is(JSON.stringify(parseDependencies(text)), expected);
  });
}

const malformed: readonly (readonly [text: string, why: string])[] = [
  ['a,,b', 'nothing between commas'],
  ['a |', 'nothing after a bar'],
  ['a b', 'two names without a separator'],
  ['a (1)', 'a version without an operator'],
  ['a (>= )', 'an operator without a version'],
  ['a (>= 1', 'an open parenthesis'],
  ['a (=> 1)', 'an unknown operator'],
  ['a [amd64]', 'restrictions belong to source packages'],
  ['a <!nocheck>', 'profiles belong to source packages'],
];

for (const [text, why] of malformed) {
  test(`parseDependencies() refuses ${JSON.stringify(text)}: ${why}`, (t) => {
    t.throws(() => parseDependencies(text), { code: 'INDEX_INVALID' });
  });
}

test('formatAlternatives() writes what parseDependencies() read', (t) => {
  const text = 'default-mta | postfix:any (>= 3.5) | exim4 (<< 5)';
  t.deepEqual(parseDependencies(text).map(formatAlternatives), [text]);
});

const acceptances: readonly (readonly [
  relation: string,
  accepted: readonly string[],
  refused: readonly string[],
])[] = [
  ['a', ['0', '1', '2'], []],
  ['a (<< 2)', ['1', '2~'], ['2', '3']],
  ['a (<= 2)', ['1', '2'], ['2.0.1']],
  ['a (= 2)', ['2', '0:2'], ['2-1', '1']],
  ['a (>= 2)', ['2', '3'], ['2~', '1']],
  ['a (>> 2)', ['2.0.1', '3'], ['2', '1']],
  ['a (!= 2)', ['1', '3'], ['2']],
];

for (const [text, accepted, refused] of acceptances) {
  test(`acceptsVersion() of ${text}`, (t) => {
    const relation = parseDependencies(text)[0]?.[0] ?? { name: '' };
    for (const version of accepted) t.true(acceptsVersion(relation, version), version);
    for (const version of refused) t.false(acceptsVersion(relation, version), version);
  });
}

test('acceptsVersion() of a name that is provided without a version is only for relations without one', (t) => {
  t.true(acceptsVersion({ name: 'a' }, undefined));
  t.false(acceptsVersion({ name: 'a', operator: '>=', version: '1' }, undefined));
});
