import test from 'ava';
import { mapParallel } from './map-parallel.ts';

test('mapParallel() keeps the order and never has more than so many at work', async (t) => {
  let atWork = 0;
  let most = 0;
  const results = await mapParallel([5, 1, 4, 2, 3], 2, async (item) => {
    atWork += 1;
    most = Math.max(most, atWork);
    for (let turn = 0; turn < item; turn += 1) await new Promise(setImmediate);
    atWork -= 1;
    return item * 10;
  });
  t.deepEqual(results, [50, 10, 40, 20, 30]);
  t.is(most, 2);
});

test('mapParallel() begins nothing after a failure and waits for what is at work', async (t) => {
  const begun: number[] = [];
  let hasEnded = false;
  const failing = mapParallel([1, 2, 3, 4], 2, async (item) => {
    begun.push(item);
    if (item === 1) throw new Error('first');
    await new Promise(setImmediate);
    hasEnded = true;
  });
  await t.throwsAsync(failing, { message: 'first' });
  t.true(hasEnded);
  t.deepEqual(begun, [1, 2]);
});

test('mapParallel() of nothing is nothing', async (t) => {
  t.deepEqual(await mapParallel([], 4, async () => 1), []);
});
