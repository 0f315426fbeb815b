import test from 'ava';
import fc from 'fast-check';
import { isTimestamp } from './timestamp.ts';

const accepted: readonly [text: string, reason: string][] = [
  ['2015-10-31T22:22:56.015925234Z', 'nanoseconds, as image-spec writes it'],
  ['0001-01-01T00:00:00Z', "Go's zero time, in many images"],
  ['2026-02-28T23:59:59+05:30', 'an offset'],
  ['2024-02-29T00:00:00Z', 'a leap day'],
];

const refused: readonly [text: string, reason: string][] = [
  ['', 'empty'],
  ['2026-01-01', 'no time'],
  ['2026-01-01T00:00:00', 'no zone'],
  ['2026-01-01 00:00:00Z', 'a space, which Go refuses'],
  ['2026-01-01t00:00:00z', 'lower case, which Go refuses'],
  ['2026-02-30T00:00:00Z', 'no such day'],
  ['2025-02-29T00:00:00Z', 'not a leap year'],
  ['2026-13-01T00:00:00Z', 'no such month'],
  ['2026-01-01T24:01:00Z', 'no such hour'],
  ['2026-01-01T00:00:00Z\n', 'something after it'],
  ['+02026-01-01T00:00:00Z', 'a year of five digits'],
];

test('isTimestamp() accepts RFC 3339', (t) => {
  for (const [text, reason] of accepted) t.true(isTimestamp(text), `${text}: ${reason}`);
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }), (date) => {
      return isTimestamp(date.toISOString());
    }),
  );
});

test('isTimestamp() refuses everything else', (t) => {
  for (const [text, reason] of refused) t.false(isTimestamp(text), `${text}: ${reason}`);
});

test('isTimestamp() takes linear time', (t) => {
  t.false(isTimestamp(`2026-01-01T00:00:00.${'0'.repeat(5_000_000)}`));
});
