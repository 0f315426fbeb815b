import test from 'ava';
import { compareVersions, parseVersion } from './version.ts';
import { isInRange, parseVersionRange } from './version-range.ts';

const ordered = [
  '1.0.0-alpha',
  '1.0.0-alpha.1',
  '1.0.0-alpha.beta',
  '1.0.0-beta',
  '1.0.0-beta.2',
  '1.0.0-beta.11',
  '1.0.0-rc.1',
  '1.0.0',
  '1.0.1',
  '1.2.0',
  '1.10.0',
  'v2.0.0',
];

test('compareVersions() orders versions as semver.org does', (t) => {
  const versions = ordered.map((text) => ({ text, version: parseVersion(text) }));
  const sorted = versions.toReversed().sort((a, b) => {
    return a.version === undefined || b.version === undefined ? 0 : compareVersions(a.version, b.version);
  });
  t.deepEqual(
    sorted.map(({ text }) => text),
    ordered,
  );
});

for (const [text, reason] of [
  ['latest', 'a word'],
  ['1.4', 'too few numbers'],
  ['1.4.0.1', 'too many'],
  ['01.4.0', 'a leading zero'],
  ['1.4.0-', 'nothing after the hyphen'],
  ['1.4.0 ', 'a space'],
  [`1.4.${'9'.repeat(16)}`, 'more than a number can say'],
] as const) {
  test(`parseVersion() takes ${text} for no version: ${reason}`, (t) => t.is(parseVersion(text), undefined));
}

for (const [range, inside, outside, reason] of [
  ['^1.4', ['1.4.0', '1.4.9', '1.99.0'], ['1.3.9', '2.0.0', '1.5.0-rc.1'], 'the same first number'],
  ['^0.4.1', ['0.4.1', '0.4.9'], ['0.4.0', '0.5.0'], 'before 1.0.0 the second number'],
  ['^0.0.3', ['0.0.3'], ['0.0.4'], 'and before 0.1.0 the third'],
  ['^0.0', ['0.0.3', '0.0.9'], ['0.1.0'], 'as far as it is given'],
  [
    '^1.4.0-rc.1',
    ['1.4.0-rc.2', '1.4.0', '1.5.0'],
    ['1.5.0-rc.1', '1.4.0-beta'],
    'candidates only if asked for',
  ],
  ['~1.4.2', ['1.4.2', '1.4.9'], ['1.4.1', '1.5.0'], 'the same second number'],
  ['~1', ['1.0.0', '1.9.0'], ['2.0.0'], 'the same first number if there is no second'],
  ['>=2', ['2.0.0', '9.0.0'], ['1.9.9'], 'no end'],
  ['1.4', ['1.4.0', '1.4.9'], ['1.5.0'], 'all of them'],
  ['1', ['1.0.0', '1.9.9'], ['2.0.0'], 'all of them'],
  ['=1.4.0', ['1.4.0', 'v1.4.0', '1.4.0+build'], ['1.4.1'], 'that one'],
] as const) {
  test(`isInRange() of ${range}: ${reason}`, (t) => {
    const parsed = parseVersionRange(range);
    const has = (text: string) => {
      const version = parseVersion(text);
      return version !== undefined && isInRange(parsed, version);
    };
    t.deepEqual(inside.filter(has), [...inside]);
    t.deepEqual(outside.filter(has), []);
  });
}

for (const text of ['', 'latest', '^', '1.x', '<2', '^1.4 || ^2', '1.4.0.0', `^${'9'.repeat(16)}`]) {
  test(`parseVersionRange() refuses ${JSON.stringify(text)}`, (t) => {
    t.throws(() => parseVersionRange(text), { code: 'APP_INVALID', message: /should be such as/ });
  });
}
