import test from 'ava';
import { quickRetry } from '../testing/quick-retry.ts';
import { failuresAfter, retryAfterMs, TransientFailure, withRetries } from './retry.ts';

const now = Date.UTC(2026, 0, 1);

for (const [why, header, expected] of [
  ['seconds', '120', 120_000],
  ['no time', '0', 0],
  ['a date', 'Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
  ['a date that is over', 'Wed, 31 Dec 2025 00:00:00 GMT', 0],
  ['nothing', undefined, undefined],
  ['a fraction, which the header does not know', 'soon', undefined],
  ['a number without end', '9'.repeat(40), undefined],
] as const) {
  test(`retryAfterMs() reads ${why}`, (t) => {
    t.is(retryAfterMs(header, now), expected);
  });
}

test('withRetries() gives up after so many attempts, with the last error', async (t) => {
  let attempts = 0;
  const error = await t.throwsAsync(
    withRetries(quickRetry, undefined, () => {
      attempts += 1;
      return Promise.reject(new TransientFailure(new Error(`failure ${attempts}`)));
    }),
  );
  t.is(attempts, 3);
  t.is(error?.message, 'failure 3');
});

test('withRetries() returns what a later attempt brings', async (t) => {
  let attempts = 0;
  const result = await withRetries(quickRetry, undefined, async () => {
    attempts += 1;
    if (attempts < 3) throw new TransientFailure(new Error('lost'));
    return attempts;
  });
  t.is(result, 3);
});

test('withRetries() does not try again what can not pass', async (t) => {
  let attempts = 0;
  await t.throwsAsync(
    withRetries(quickRetry, undefined, () => {
      attempts += 1;
      return Promise.reject(new Error('wrong'));
    }),
    { message: 'wrong' },
  );
  t.is(attempts, 1);
});

test('withRetries() takes a pause that is too long as a refusal', async (t) => {
  let attempts = 0;
  await t.throwsAsync(
    withRetries(quickRetry, undefined, () => {
      attempts += 1;
      return Promise.reject(new TransientFailure(new Error('busy'), 3_600_000));
    }),
    { message: 'busy' },
  );
  t.is(attempts, 1);
});

test('withRetries() ends its pause when it is aborted', async (t) => {
  const controller = new AbortController();
  const waiting = withRetries(
    { ...quickRetry, firstPauseMs: 40_000, longestPauseMs: 40_000 },
    controller.signal,
    () => {
      controller.abort();
      return Promise.reject(new TransientFailure(new Error('lost')));
    },
  );
  await t.throwsAsync(waiting, { name: 'AbortError' });
});

test('failuresAfter() starts anew after real progress only', (t) => {
  t.is(failuresAfter(2, 1024 * 1024), 1);
  t.is(failuresAfter(2, 1024 * 1024 - 1), 3);
});
