import test from 'ava';
import fc from 'fast-check';
import {
  Digester,
  digestAlgorithm,
  digestHex,
  digestOf,
  isDigest,
  isDigestAlgorithm,
  parseDigest,
} from './digest.ts';
import { SpecError } from './spec-error.ts';

const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const bytes = (text: string) => new TextEncoder().encode(text);

test('digestOf() gives the published digests', (t) => {
  // FIPS 180-4 examples: nothing, and "abc".
  t.is(digestOf(bytes('')), parseDigest(`sha256:${empty}`));
  t.is(
    digestOf(bytes('abc')),
    parseDigest('sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'),
  );
  t.is(
    digestOf(bytes('abc'), 'sha512'),
    parseDigest(
      'sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a' +
        '2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    ),
  );
});

const refused: readonly [text: string, reason: string, message: RegExp][] = [
  ['', 'empty', /should begin with sha256: or sha512:/],
  [empty, 'no algorithm', /should begin with/],
  [':', 'nothing around the colon', /should begin with/],
  ['sha256:', 'no hex', /64 lower-case hex characters after sha256:/],
  [`sha256:${empty.slice(1)}`, 'too short', /64 lower-case hex/],
  [`sha256:${empty}0`, 'too long', /64 lower-case hex/],
  [`sha256:${empty.toUpperCase()}`, 'upper case must not be used (image-spec)', /64 lower-case hex/],
  [`sha256:g${empty.slice(1)}`, 'not hex', /64 lower-case hex/],
  [`sha256:${empty}\n`, 'a new line after it', /64 lower-case hex/],
  [` sha256:${empty}`, 'a space before it', /should begin with/],
  [`sha256:sha256:${empty}`, 'algorithm twice', /64 lower-case hex/],
  [`SHA256:${empty}`, 'upper-case algorithm', /should begin with/],
  [`sha512:${empty}`, 'the length of another algorithm', /128 lower-case hex/],
  [`sha384:${'0'.repeat(96)}`, 'known to Go, but not registered by image-spec', /should begin with/],
  ['md5:d41d8cd98f00b204e9800998ecf8427e', 'broken algorithm', /should begin with/],
  ['sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564', 'not registered', /should begin with/],
  [`__proto__:${empty}`, 'the name of an inherited property', /should begin with/],
  [`constructor:${empty}`, 'the name of an inherited property', /should begin with/],
];

test('parseDigest() refuses everything else, naming the value', (t) => {
  for (const [text, reason, message] of refused) {
    const error = t.throws(
      () => parseDigest(text),
      { instanceOf: SpecError, code: 'DIGEST_INVALID', message },
      reason,
    );
    t.true(error?.message.includes(JSON.stringify(text.slice(0, 100)).slice(0, -1)), reason);
    t.false(isDigest(text), reason);
  }
});

test('isDigestAlgorithm() knows the registered algorithms only', (t) => {
  t.true(isDigestAlgorithm('sha256') && isDigestAlgorithm('sha512'));
  t.false(isDigestAlgorithm('sha384') || isDigestAlgorithm('toString') || isDigestAlgorithm(''));
});

test('digestAlgorithm() and digestHex() take a digest apart', (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array(),
      fc.constantFrom('sha256' as const, 'sha512' as const),
      (content, algorithm) => {
        const digest = digestOf(content, algorithm);
        t.is(parseDigest(digest), digest);
        t.is(digestAlgorithm(digest), algorithm);
        t.is(`${algorithm}:${digestHex(digest)}`, digest);
      },
    ),
  );
});

test('Digester gives the digest of all pieces, however they are cut', (t) => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array()), (pieces) => {
      const digester = new Digester();
      for (const piece of pieces) digester.update(piece);
      t.is(digester.digest(), digestOf(Buffer.concat(pieces)));
    }),
  );
});

test('Digester.digest() throws the second time', (t) => {
  const digester = new Digester('sha512');
  digester.digest();
  t.throws(() => digester.digest());
});
