import test from 'ava';
import fc from 'fast-check';
import { decodeAnyBase64, decodeBase64, encodeBase64 } from './base64.ts';
import { decodePem, encodePem } from './pem.ts';

test('decodeBase64() reads back what encodeBase64() writes, also from the middle of a buffer', (t) => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.nat(5), (bytes, offset) => {
      const part = bytes.subarray(offset);
      return Buffer.compare(decodeBase64(encodeBase64(part)) ?? Buffer.of(0), part) === 0;
    }),
  );
  t.pass();
});

test('decodeBase64() refuses every other spelling of the same bytes', (t) => {
  for (const [text, reason] of [
    ['YQ', 'no padding'],
    ['YQ=', 'short padding'],
    ['YQ===', 'long padding'],
    ['YR==', 'bits set that are not used'],
    ['Y Q==', 'a space'],
    ['YQ==\n', 'a newline'],
    ['-_8=', 'the alphabet for URLs'],
    ['Y*==', 'no base64'],
  ] as const) {
    t.is(decodeBase64(text), undefined, reason);
  }
  t.deepEqual(decodeAnyBase64('-_8='), Uint8Array.of(0xfb, 0xff));
  t.deepEqual(decodeAnyBase64('+/8='), Uint8Array.of(0xfb, 0xff));
});

test('decodePem() reads back what encodePem() writes', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const text = encodePem({ label: 'PUBLIC KEY', bytes });
      const block = decodePem(text);
      return block?.label === 'PUBLIC KEY' && Buffer.compare(block.bytes, bytes) === 0;
    }),
  );
  t.pass();
});

test('decodePem() takes exactly one block', (t) => {
  const pem = encodePem({ label: 'A', bytes: Uint8Array.of(1) });
  for (const [text, reason] of [
    ['', 'nothing'],
    [pem + pem, 'two blocks'],
    [`text\n${pem}`, 'text before'],
    [`${pem}text`, 'text after'],
    [pem.replace('END A', 'END B'), 'another label at the end'],
    [pem.replace('-----BEGIN', '----BEGIN'), 'short dashes'],
    [pem.replace('A-----\n', 'A-----\nKey: value\n\n'), 'headers'],
    [pem.replace('AQ==', ' AQ=='), 'white space in a line'],
    ['-----BEGIN A-----', 'only the beginning'],
  ] as const) {
    t.is(decodePem(text), undefined, reason);
  }
});

test('decodePem() takes time in proportion to hostile text', (t) => {
  const text = `-----BEGIN A-----\n${'A'.repeat(1_000_000)}\n${'-----END '.repeat(100_000)}`;
  t.is(decodePem(text), undefined);
});
