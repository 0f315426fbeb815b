import test from 'ava';
import { ServerError } from '../server-error.ts';
import { networksOf } from './networks.ts';

test('networksOf() knows the addresses of each network, and no other', (t) => {
  const isIn = networksOf(['10.0.0.0/8', '192.0.2.7', 'fd00::/8', '::1']);
  const cases = [
    ['10.255.0.1', true, 'inside'],
    ['11.0.0.1', false, 'beside'],
    ['192.0.2.7', true, 'the one address'],
    ['192.0.2.8', false, 'its neighbour'],
    ['::ffff:10.1.2.3', true, 'as a socket for both kinds says it'],
    ['fd12::1', true, 'inside'],
    ['fd12::1%eth0', true, 'with the interface that it came through'],
    ['fe80::1', false, 'beside'],
    ['::1', true, 'the one address'],
    ['', false, 'no address'],
    ['unknown', false, 'what a proxy may write'],
  ] as const;
  for (const [address, expected, reason] of cases) t.is(isIn(address), expected, `${address}: ${reason}`);
  t.false(networksOf([])('10.0.0.1'));
});

test('networksOf() refuses what is no network', (t) => {
  for (const network of [
    '',
    '10.0.0.0/33',
    'fd00::/129',
    '10.0.0/8',
    'example.com',
    '10.0.0.0/',
    '/8',
    '1.2.3.4/-1',
  ]) {
    const error = t.throws(() => networksOf([network]), { instanceOf: ServerError }, network);
    t.is(error?.code, 'OPTION_INVALID', network);
  }
});
