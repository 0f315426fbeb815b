import { digestOf } from '@img/spec/digest';
import test from 'ava';
import {
  type AppState,
  abandon,
  beginTrial,
  confirm,
  firstState,
  goBack,
  reject,
  rememberSeen,
} from './app-state.ts';

const updater = { pid: 7, startTicks: 1, bootId: 'b', pidNamespace: 'n' };
const time = new Date('2026-11-22T12:00:00Z');
const good = confirm(firstState(1), time);

for (const [title, state, current, verdicts] of [
  ['confirm() of a first generation keeps it', good, 1, { 1: 'good' }],
  ['beginTrial() makes the new one current', beginTrial(good, 2, updater), 2, { 1: 'good' }],
  [
    'confirm() ends a trial for good',
    confirm(beginTrial(good, 2, updater), time),
    2,
    { 1: 'good', 2: 'good' },
  ],
  ['reject() goes back', reject(beginTrial(good, 2, updater), 'ill', time), 1, { 1: 'good', 2: 'bad' }],
  ['abandon() goes back without a verdict', abandon(beginTrial(good, 2, updater)), 1, { 1: 'good' }],
  [
    'a trial in the middle of another goes back to what was before both',
    reject(beginTrial(beginTrial(good, 2, updater), 3, updater), 'ill', time),
    1,
    { 1: 'good', 3: 'bad' },
  ],
  [
    'goBack() gives up the current one',
    goBack(confirm(beginTrial(good, 2, updater), time), 1, time),
    1,
    { 2: 'bad' },
  ],
  [
    'goBack() to the current one ends a trial',
    goBack(beginTrial(good, 2, updater), 2, time),
    2,
    { 1: 'good' },
  ],
] as const) {
  test(title, (t) => {
    t.is(state.current, current);
    const known = Object.entries((state as AppState).verdicts).map(([number, { verdict }]) => [
      number,
      verdict,
    ]);
    t.deepEqual(Object.fromEntries(known), verdicts);
    t.is('trial' in state, title.startsWith('beginTrial'));
  });
}

test('rememberSeen() keeps when an image was first seen, and forgets others', (t) => {
  const [a, b] = [digestOf(new Uint8Array([1])), digestOf(new Uint8Array([2]))];
  const later = new Date(time.getTime() + 1000);
  const seen = rememberSeen(good, a, time);
  t.is(rememberSeen(seen, a, later).seen[a], time.toISOString());
  t.deepEqual(rememberSeen(seen, b, later).seen, { [b]: later.toISOString() });
});
