import test from 'ava';
import fc from 'fast-check';
import { isLoopback, parseRegistryHost } from './registry-host.ts';
import { SpecError } from './spec-error.ts';

const accepted: readonly [text: string, canonical: string, reason: string][] = [
  ['registry.example.com', 'registry.example.com', 'a name'],
  ['Registry.Example.COM:443', 'registry.example.com:443', 'upper case'],
  ['localhost', 'localhost', 'the one word that needs no port'],
  ['registry:5000', 'registry:5000', 'a word with a port'],
  ['a--b.example:1', 'a--b.example:1', 'two dashes'],
  ['xn--n3h.com', 'xn--n3h.com', 'punycode'],
  ['0101.com', '0101.com', 'digits'],
  ['127.0.0.1:5000', '127.0.0.1:5000', 'IPv4'],
  ['example.com:00443', 'example.com:443', 'zeros before the port'],
  ['[::1]:5000', '[::1]:5000', 'IPv6'],
  ['[FD00:1:2::3]:5000', '[fd00:1:2::3]:5000', 'upper-case IPv6'],
  ['[2001:0db8:0000:0000:0000:0000:0000:0001]', '[2001:db8::1]', 'long IPv6'],
];

test('parseRegistryHost() accepts hosts and makes their spelling canonical', (t) => {
  for (const [text, canonical, reason] of accepted) {
    t.is(parseRegistryHost(text) as string, canonical, reason);
    t.is(parseRegistryHost(canonical) as string, canonical, `${canonical} stays as it is`);
  }
});

const refused: readonly [text: string, reason: string][] = [
  ['', 'empty'],
  ['registry', 'a word, which in a reference would be part of the name'],
  ['.example.com', 'begins with a dot'],
  ['example..com', 'an empty label'],
  ['example.com.', 'ends with a dot'],
  ['-ab.com', 'begins with a dash'],
  ['ab-.com', 'a label ends with a dash'],
  ['ab.com-', 'ends with a dash'],
  ['a_b.com', 'an underscore'],
  ['ä.com', 'not ASCII'],
  ['example.com:', 'no port after the colon'],
  ['example.com:http', 'a port that is a word'],
  ['example.com:0', 'port 0'],
  ['example.com:65536', 'a port that is too high'],
  ['example.com:123456', 'a port that is too long'],
  ['user@example.com', 'a user'],
  ['https://example.com', 'a scheme'],
  ['example.com/path', 'a path'],
  ['999.1.1.1', 'no IPv4 address'],
  ['127.1', 'a short form that other programs read as 127.0.0.1'],
  ['0x7f.0.0.1', 'a hexadecimal form of 127.0.0.1'],
  ['0177.0.0.1', 'an octal form of 127.0.0.1'],
  ['[:::]', 'no IPv6 address'],
  ['[::1', 'no closing bracket'],
  ['::1', 'IPv6 without brackets'],
  ['[fe80::1%eth0]', 'a zone'],
  ['[fd00:1:2::3]5000', 'no colon before the port'],
  ['example.com\n', 'a new line'],
  [`${'a.'.repeat(130)}a`, 'too long'],
  [`${'a-'.repeat(120)}.`, 'a hostile label'],
  ['a.'.repeat(2_000_000), 'a hostile length'],
];

test('parseRegistryHost() refuses everything else', (t) => {
  for (const [text, reason] of refused) {
    t.throws(
      () => parseRegistryHost(text),
      { instanceOf: SpecError, code: 'NAME_INVALID', message: /^registry "/ },
      reason,
    );
  }
});

test('parseRegistryHost() says what to write for a single word', (t) => {
  const error = t.throws(() => parseRegistryHost('registry'), { instanceOf: SpecError });
  t.is(error?.hint, 'write registry:443 if it is the name of a host');
});

test('parseRegistryHost() gives hosts that a URL keeps as they are', (t) => {
  const hosts = fc.oneof(
    fc.domain(),
    fc.ipV4(),
    fc.ipV6().map((address) => `[${address}]`),
    fc.string({ unit: fc.constantFrom('a', '1', '.', '-', ':', '[', ']', 'x', '0') }),
  );
  fc.assert(
    fc.property(hosts, fc.option(fc.nat(70_000)), (name, port) => {
      let host: string;
      try {
        host = parseRegistryHost(port === null ? name : `${name}:${port}`);
      } catch (error) {
        t.true(error instanceof SpecError);
        return;
      }
      const url = new URL(`https://${host}/v2/`);
      t.is(url.host, host.replace(/:443$/, ''));
    }),
    { numRuns: 500 },
  );
});

test('isLoopback() is true for this machine only', (t) => {
  for (const host of ['localhost', 'localhost:5000', '127.0.0.1', '127.9.9.9:80', '[::1]', '[0:0::1]:5000']) {
    t.true(isLoopback(parseRegistryHost(host)), host);
  }
  const others = [
    'example.com',
    'localhost.example.com',
    'evil.localhost',
    '127.0.0.1.example.com',
    '128.0.0.1',
    '[::2]',
  ];
  for (const host of others) t.false(isLoopback(parseRegistryHost(host)), host);
});
