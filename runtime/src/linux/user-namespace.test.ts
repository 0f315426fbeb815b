import test from 'ava';
import { hasId, parseIdRanges } from './user-namespace.ts';

const ofUser = '         0       4242          1\n         1     200000      65535\n';

test('parseIdRanges() reads what the kernel writes', (t) => {
  t.deepEqual(parseIdRanges(ofUser), [
    { inside: 0, outside: 4242, count: 1 },
    { inside: 1, outside: 200_000, count: 65_535 },
  ]);
  t.deepEqual(parseIdRanges(''), [], 'a namespace that nobody has given numbers yet');
  t.deepEqual(parseIdRanges('what is this\n'), []);
});

for (const [id, expected, reason] of [
  [0, true, 'the user itself'],
  [1, true, 'the first of the range'],
  [65_535, true, 'the last of the range'],
  [65_536, false, 'one more'],
  [4242, true, 'a number is meant as it is inside'],
  [200_000, false, 'not as it is outside'],
] as const) {
  test(`hasId() of ${id}: ${reason}`, (t) => t.is(hasId(parseIdRanges(ofUser), id), expected));
}
