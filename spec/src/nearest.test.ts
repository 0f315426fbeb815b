import test from 'ava';
import { nearest } from './nearest.ts';

const words = ['name', 'version', 'packages', 'platforms', 'run', 'files'];

const table: readonly [word: string, expected: string | undefined, why: string][] = [
  ['pakages', 'packages', 'a letter left out'],
  ['packagess', 'packages', 'a letter too many'],
  ['oackages', 'packages', 'a letter replaced'],
  ['pcakages', 'packages', 'two letters swapped count once'],
  ['Packages', 'packages', 'case does not count'],
  ['rnu', 'run', 'short words may have one change'],
  ['rxx', undefined, 'but not two'],
  ['entirely', undefined, 'nothing near'],
  ['', undefined, 'nothing to go by'],
  ['x'.repeat(1_000_000), undefined, 'a long word costs nothing'],
];

for (const [word, expected, why] of table) {
  test(`nearest() of ${JSON.stringify(word.slice(0, 20))}: ${why}`, (t) => {
    t.is(nearest(word, words), expected);
  });
}

test('nearest() takes the first of equally near candidates', (t) => {
  t.is(nearest('cat', ['car', 'cap']), 'car');
});
