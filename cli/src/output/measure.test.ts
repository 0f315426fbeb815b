import test from 'ava';
import fc from 'fast-check';
import { formatAge, formatBytes, formatDuration } from './measure.ts';

const sizes: readonly [bytes: number, text: string][] = [
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [1049, '1.0 kB'],
  [1050, '1.1 kB'],
  [999_949, '999.9 kB'],
  [999_950, '1.0 MB'],
  [1_400_000_000, '1.4 GB'],
  [Number.MAX_SAFE_INTEGER, '9.0 PB'],
];

test('formatBytes() counts in decimal units', (t) => {
  for (const [bytes, text] of sizes) t.is(formatBytes(bytes), text);
});

test('formatBytes() never shows more than four digits', (t) => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (bytes) => t.regex(formatBytes(bytes), /^\d{1,3}(\.\d)? [kMGTP]?B$/)),
  );
});

const durations: readonly [milliseconds: number, text: string][] = [
  [0, '0.0 s'],
  [140, '0.1 s'],
  [9949, '9.9 s'],
  [9950, '10 s'],
  [59_400, '59 s'],
  [59_600, '1 min 0 s'],
  [185_000, '3 min 5 s'],
  [7_800_000, '2 h 10 min'],
];

test('formatDuration() becomes coarser with length', (t) => {
  for (const [milliseconds, text] of durations) t.is(formatDuration(milliseconds), text);
});

const now = new Date('2026-06-15T12:00:00Z');
const ages: readonly [time: string, text: string][] = [
  ['2026-06-15T12:00:00.900Z', 'now'],
  ['2026-06-15T11:59:59Z', '1 second ago'],
  ['2026-06-15T11:00:01Z', '59 minutes ago'],
  ['2026-06-15T10:00:00Z', '2 hours ago'],
  ['2026-06-14T10:00:00Z', '1 day ago'],
  ['2026-06-21T12:00:00Z', 'in 6 days'],
  ['2026-05-10T12:00:00Z', '1 month ago'],
  ['1970-01-01T00:00:00Z', '56 years ago'],
];

test('formatAge() says how far a time is away', (t) => {
  for (const [time, text] of ages) t.is(formatAge(new Date(time), now), text);
});
