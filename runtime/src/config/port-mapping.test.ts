import test from 'ava';
import { checkPorts, formatPortMapping, isSamePort, parsePortMapping } from './port-mapping.ts';

for (const [text, full, reason] of [
  ['8080:80', '127.0.0.1:8080:80', 'this host alone, unless somebody says where'],
  ['0.0.0.0:8080:80', '0.0.0.0:8080:80', 'every address'],
  ['192.0.2.7:53:5353/udp', '192.0.2.7:53:5353/udp', 'one address, datagrams'],
  ['1:65535/tcp', '127.0.0.1:1:65535', 'the ends of the range, a protocol that goes without saying'],
  ['00080:080', '127.0.0.1:80:80', 'zeros before a number'],
] as const) {
  test(`parsePortMapping() reads ${text}: ${reason}`, (t) => {
    const mapping = parsePortMapping(text);
    t.is(formatPortMapping(mapping), full);
    t.deepEqual(parsePortMapping(full), mapping);
  });
}

for (const [text, message, hint, reason] of [
  ['80', /should be \[ADDRESS:\]HOST:CONTAINER/, /8?0:80/, 'which port of the host is not said'],
  ['53/udp', /should be/, /53:53\/udp/, 'the same for datagrams'],
  ['', /""/, /8080:80/, 'nothing'],
  ['a:b', /"a:b"/, /8080:80/, 'words'],
  ['8080:80/sctp', /should be/, /8080:80/, 'a protocol that nobody forwards'],
  ['0:80', /1 to 65535/, undefined, 'no port'],
  ['8080:65536', /1 to 65535/, undefined, 'beyond the last port'],
  ['8000-8010:80', /should be/, /8080:80/, 'a range'],
  [
    ':8080:80',
    /no IPv4 address/,
    /0\.0\.0\.0:8080:80/,
    'an address that was forgotten, for example by a script',
  ],
  ['localhost:8080:80', /no IPv4 address/, /0\.0\.0\.0/, 'a name'],
  ['256.0.0.1:8080:80', /no IPv4 address/, /0\.0\.0\.0/, 'no address'],
  ['[::1]:8080:80', /no IPv4 address/, /0\.0\.0\.0/, 'IPv6, which the network does not have'],
  ['8080:80\n', /should be/, /8080:80/, 'a line of its own'],
] as const) {
  test(`parsePortMapping() refuses ${JSON.stringify(text)}: ${reason}`, (t) => {
    const error = t.throws(() => parsePortMapping(text), { code: 'PORT_INVALID', message });
    if (hint !== undefined) t.regex((error as { readonly hint?: string } | undefined)?.hint ?? '', hint);
  });
}

for (const [a, b, isSame, reason] of [
  ['80:1', '80:2', true, 'where they lead does not matter'],
  ['0.0.0.0:80:1', '192.0.2.1:80:2', true, 'one of them takes every address'],
  ['192.0.2.1:80:1', '192.0.2.2:80:2', false, 'two addresses'],
  ['80:1', '80:1/udp', false, 'two protocols'],
  ['80:1', '81:1', false, 'two ports'],
] as const) {
  test(`isSamePort() of ${a} and ${b}: ${reason}`, (t) => {
    t.is(isSamePort(parsePortMapping(a), parsePortMapping(b)), isSame);
    t.is(isSamePort(parsePortMapping(b), parsePortMapping(a)), isSame);
  });
}

test('checkPorts() refuses ports that meet, and those of another network', (t) => {
  const [one, every, other] = ['80:1', '0.0.0.0:80:2', '81:1'].map(parsePortMapping);
  if (one === undefined || every === undefined || other === undefined) throw new Error('no ports');
  t.notThrows(() => checkPorts([one, other], 'bridge'));
  t.notThrows(() => checkPorts([], 'none'));
  t.throws(() => checkPorts([one, other, every], 'bridge'), {
    message: /the same port as "?127\.0\.0\.1:80:1/,
  });
  for (const network of ['none', 'host'] as const) {
    t.throws(() => checkPorts([one], network), { code: 'PORT_INVALID', message: /needs the network bridge/ });
  }
});
