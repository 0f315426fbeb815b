import test from 'ava';
import { LogInLimit } from './log-in-limit.ts';

test('an address has its burst of tries, then one for each refill', (t) => {
  let now = 0;
  const limit = new LogInLimit({ clock: () => now, burst: 3, refillMs: 1000 });
  t.deepEqual([limit.take('a'), limit.take('a'), limit.take('a')], [0, 0, 0]);
  t.is(limit.take('a'), 1000);
  now = 400;
  t.is(limit.take('a'), 600, 'says how long to wait');
  now = 1000;
  t.is(limit.take('a'), 0);
  t.is(limit.take('a'), 1000, 'just one came back');
  now = 100_000;
  t.deepEqual([limit.take('a'), limit.take('a'), limit.take('a'), limit.take('a')], [0, 0, 0, 1000]);
});

test('workers share the tries of an address, and each has a few', (t) => {
  let now = 0;
  for (const [workers, tries] of [
    [1, 10],
    [2, 5],
    [8, 3],
  ] as const) {
    const limit = new LogInLimit({ clock: () => now, workers });
    for (let count = 0; count < tries; count += 1) t.is(limit.take('a'), 0);
    t.is(limit.take('a'), 6000 * workers);
    now += 6000 * workers;
    t.is(limit.take('a'), 0, 'together they get as many back as one');
  }
});

test('a try that was right is given back', (t) => {
  const limit = new LogInLimit({ clock: () => 0, burst: 1, refillMs: 1000 });
  for (let round = 0; round < 5; round += 1) {
    t.is(limit.take('a'), 0);
    limit.giveBack('a');
  }
  t.is(limit.take('a'), 0);
  t.is(limit.take('a'), 1000);
});

const sameNetwork = [
  ['192.0.2.1', '::ffff:192.0.2.1', true, 'an IPv4 address in two forms'],
  ['192.0.2.1', '192.0.2.2', false, 'two IPv4 addresses'],
  ['2001:db8::1', '2001:db8::2', true, 'one /64'],
  ['2001:db8:0:1::1', '2001:db8:0:2::1', false, 'two /64'],
  ['2001:db8::1', '2001:0db8:0:0:1:2:3:4', true, 'written in two ways'],
  ['fe80::1%eth0', 'fe80::2%eth1', true, 'with a zone'],
  ['::1', '::2', true, 'loopback'],
  ['::', '1::', false, 'the beginning counts'],
] as const;

test('an IPv6 network counts as one address', (t) => {
  for (const [first, second, isSame, reason] of sameNetwork) {
    const limit = new LogInLimit({ clock: () => 0, burst: 1 });
    t.is(limit.take(first), 0);
    t.is(limit.take(second) > 0, isSame, reason);
  }
});

test('a million addresses cost no more memory than ten thousand', (t) => {
  const limit = new LogInLimit({ clock: () => 0, burst: 1 });
  t.is(limit.take('first'), 0);
  for (let address = 0; address < 10_000; address += 1) limit.take(`10.0.${address}`);
  t.is(limit.take('first'), 0, 'the one that failed longest ago is forgotten');
  t.true(limit.take('10.0.9999') > 0, 'the latest is not');
});
