import test from 'ava';
import { matchesPattern } from './matches-pattern.ts';

const rows: readonly [text: string, pattern: string, expected: boolean, reason: string][] = [
  ['stable', 'stable', true, 'itself'],
  ['stable', 'stabl', false, 'a beginning is not the whole'],
  ['stabl', 'stable', false, 'nor is it the other way round'],
  ['v1.2', 'v*', true, 'a star at the end'],
  ['v', 'v*', true, 'a star stands for nothing, too'],
  ['v1.2', '*.2', true, 'a star at the beginning'],
  ['v1.2.2', '*.2', true, 'the first fit of a star is not the last'],
  ['v1.2', 'v?.?', true, 'one character each'],
  ['v10.2', 'v?.?', false, 'and only one'],
  ['release-1-rc', 'r*-*-rc', true, 'several stars'],
  ['release-1-rc1', 'r*-*-rc', false, 'several stars, another end'],
  ['v1.2', 'v1x2', false, 'a dot is a dot, an x an x'],
  ['v1x2', 'v1.2', false, 'no regular expression'],
  ['a', '**', true, 'stars beside each other'],
  ['V1', 'v*', false, 'upper case is another letter'],
];

for (const [text, pattern, expected, reason] of rows) {
  test(`matchesPattern() of ${text} and ${pattern}: ${reason}`, (t) => {
    t.is(matchesPattern(text, pattern), expected);
  });
}

test('matchesPattern() takes no time for patterns that make others try everything', (t) => {
  t.false(matchesPattern('a'.repeat(128), `${'*a'.repeat(63)}*b`));
});
