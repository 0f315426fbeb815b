import test from 'ava';
import fc from 'fast-check';
import { SignError } from './sign-error.ts';
import { formatUnixTime, latestUnixTime, parseUnixTime, unixTime, unixTimeOf } from './unix-time.ts';

test('parseUnixTime() reads back what formatUnixTime() writes', (t) => {
  t.is(formatUnixTime(unixTime(1_795_305_600)), '2026-11-22T00:00:00Z');
  t.is(formatUnixTime(unixTime(0)), '1970-01-01T00:00:00Z');
  t.is(formatUnixTime(latestUnixTime), '9999-12-31T23:59:59Z');
  fc.assert(
    fc.property(
      fc.nat(latestUnixTime),
      (seconds) => parseUnixTime(formatUnixTime(unixTime(seconds))) === seconds,
    ),
  );
});

test('parseUnixTime() refuses every other spelling', (t) => {
  for (const [text, reason] of [
    ['', 'nothing'],
    ['2026-11-22', 'no time'],
    ['2026-11-22T00:00:00', 'no zone'],
    ['2026-11-22T00:00:00+00:00', 'another spelling of UTC'],
    ['2026-11-22T00:00:00+01:00', 'another zone'],
    ['2026-11-22T00:00:00.5Z', 'a fraction'],
    ['2026-11-22t00:00:00z', 'lower case'],
    ['2026-02-30T00:00:00Z', 'a day that does not exist'],
    ['2026-11-22T24:00:00Z', 'an hour that does not exist'],
    ['2026-11-22T23:59:60Z', 'a leap second'],
    ['1969-12-31T23:59:59Z', 'before 1970'],
    ['12026-11-22T00:00:00Z', 'five digits'],
    ['2026-11-22T00:00:00Z\n', 'a newline'],
  ] as const) {
    t.throws(() => parseUnixTime(text), { instanceOf: SignError, code: 'STATEMENT_INVALID' }, reason);
  }
});

test('unixTime() refuses fractions, negative numbers and milliseconds', (t) => {
  for (const value of [0.5, -1, Number.NaN, Number.POSITIVE_INFINITY, 1_795_305_600_000]) {
    t.throws(() => unixTime(value), { instanceOf: SignError, code: 'STATEMENT_INVALID' }, String(value));
  }
  t.is(unixTimeOf(new Date('2026-11-22T00:00:00.999Z')), unixTime(1_795_305_600));
});
