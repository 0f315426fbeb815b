import { spawnSync } from 'node:child_process';
import { needsTool } from '@img/sign/testing/needs';
import test from 'ava';
import { compareVersions } from './version.ts';

const ordered: readonly (readonly [older: string, newer: string, why: string])[] = [
  ['1.0', '1.1', 'numbers are compared'],
  ['1.9', '1.10', 'as numbers, not as text'],
  ['1.2', '1.2.1', 'more parts are newer'],
  ['1.0~rc1', '1.0', 'a tilde is before the end'],
  ['1.0~~', '1.0~', 'two tildes are before one'],
  ['1.0~~a', '1.0~', 'also with more behind them'],
  ['1.0', '1.0a', 'a letter is after the end'],
  ['1.0a', '1.0+', 'other characters are after letters'],
  ['1.0Z', '1.0a', 'upper case is before lower case, by code'],
  ['1.0+b1', '1.0.1', 'a plus is before a dot'],
  ['9.9', '1:0.1', 'an epoch is stronger than everything'],
  ['1:9', '10:1', 'epochs are numbers'],
  ['1.0-1', '1.0-2', 'revisions count when the rest is equal'],
  ['1.0-1', '1.0-1+deb13u1', 'an update of a stable release'],
  ['1.0-1~deb12u1', '1.0-1', 'a backport is before what it was made from'],
  ['1.0', '1.0-1', 'no revision is revision 0'],
  ['1-2-3', '1-3-1', 'the last dash begins the revision'],
  ['99999999999999999998', '99999999999999999999', 'numbers beyond 2^53 are exact'],
  ['1.', '1.a', 'a part may be empty'],
];

for (const [older, newer, why] of ordered) {
  test(`compareVersions() puts ${older} before ${newer}: ${why}`, (t) => {
    t.true(compareVersions(older, newer) < 0);
    t.true(compareVersions(newer, older) > 0);
  });
}

const equal: readonly (readonly [a: string, b: string, why: string])[] = [
  ['1.0', '1.0', 'the same text'],
  ['0:1.0', '1.0', 'no epoch is epoch 0'],
  ['1.0-0', '1.0', 'no revision is revision 0'],
  ['1.01', '1.1', 'zeros before a number mean nothing'],
  ['1.', '1.0', 'a missing number is 0'],
  ['1a', '1a0', 'also at the end of text'],
];

for (const [a, b, why] of equal) {
  test(`compareVersions() holds ${a} and ${b} for the same: ${why}`, (t) => {
    t.is(compareVersions(a, b), 0);
    t.is(compareVersions(b, a), 0);
  });
}

/** Numbers that look random and are the same in every run. */
function* numbers(seed: number): Generator<number, never, undefined> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state >>> 8;
  }
}

function makePairs(count: number): readonly (readonly [string, string])[] {
  const random = numbers(12);
  const below = (limit: number): number => random.next().value % limit;
  const characters = '0019aZ.+~~-';
  const character = (): string => characters.charAt(below(characters.length));
  const version = (): string => {
    const epoch = below(5) === 0 ? `${below(3)}:` : '';
    const rest = Array.from({ length: below(8) }, character).join('');
    return `${epoch}${below(3)}${rest}${rest.includes('-') ? '1' : ''}`;
  };
  return Array.from({ length: count }, () => {
    const one = version();
    // Half of the pairs differ in one place only, where the rules are subtle.
    const place = below(one.length);
    const changed = `${one.slice(0, place)}${character()}${one.slice(place + 1)}`;
    const isVersion = /^(?:\d:)?\d[^:]*$/.test(changed) && !changed.endsWith('-');
    return [one, below(2) === 0 && isVersion ? changed : version()] as const;
  });
}

test('compareVersions() agrees with dpkg on generated pairs', (t) => {
  if (!needsTool(t, 'dpkg')) return;
  const pairs = makePairs(600);
  const script =
    'while read -r a b; do for op in lt eq gt; do dpkg --compare-versions "$a" "$op" "$b" && echo "$op" && break; done; done';
  const input = pairs.map(([a, b]) => `${a} ${b}\n`).join('');
  const { stdout, stderr } = spawnSync('sh', ['-c', script], { input, encoding: 'utf8' });
  t.is(stderr, '');
  const answers = stdout.trimEnd().split('\n');
  t.is(answers.length, pairs.length);
  const words = ['lt', 'eq', 'gt'];
  for (const [index, [a, b]] of pairs.entries()) {
    t.is(words[Math.sign(compareVersions(a, b)) + 1], answers[index], `${a} and ${b}`);
  }
});
