import test from 'ava';
import { forEachParallel } from './parallel.ts';

test('forEachParallel() does everything, and so much at a time', async (t) => {
  let running = 0;
  let most = 0;
  const done: number[] = [];
  await forEachParallel([1, 2, 3, 4, 5, 6, 7], 3, undefined, async (item) => {
    running += 1;
    most = Math.max(most, running);
    await new Promise(setImmediate);
    running -= 1;
    done.push(item);
  });
  t.deepEqual(done.toSorted(), [1, 2, 3, 4, 5, 6, 7]);
  t.is(most, 3);
});

test('forEachParallel() of nothing does nothing', async (t) => {
  await forEachParallel([], 3, undefined, async () => t.fail());
  t.pass();
});

test('forEachParallel() stops the others at the first failure, waits for them, and throws it', async (t) => {
  const begun: number[] = [];
  let isEnded = false;
  const working = forEachParallel([1, 2, 3, 4], 2, undefined, async (item, signal) => {
    begun.push(item);
    if (item === 1) throw new Error('first');
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    await new Promise(setImmediate);
    isEnded = true;
  });
  await t.throwsAsync(working, { message: 'first' });
  t.true(isEnded);
  t.deepEqual(begun, [1, 2]);
});

test('forEachParallel() begins nothing more when it is aborted, and throws the reason', async (t) => {
  const controller = new AbortController();
  let begun = 0;
  const working = forEachParallel([1, 2, 3, 4], 1, controller.signal, async () => {
    begun += 1;
    controller.abort(new Error('stopped'));
  });
  await t.throwsAsync(working, { message: 'stopped' });
  t.is(begun, 1);
});
