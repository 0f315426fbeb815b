import { JsonFields } from '@img/spec/json-fields';
import test from 'ava';
import { annotationsFrom, checkAnnotations } from './annotation.ts';
import { encodeInToto, parseInToto } from './in-toto.ts';
import { encodeSimpleSigning, parseSimpleSigning } from './simple-signing.ts';
import { testClaim, testDigest } from './testing/test-claim.ts';

const refused: readonly [key: string, value: string, reason: string][] = [
  ['creator', 'x', 'podman expects the name of a program there'],
  ['timestamp', '0', 'it is when the signature was made'],
  ['img.seq', '99', 'a signer must not be able to state another number than the one that counts'],
  ['img.expires', '99', 'nor another end'],
  ['', 'x', 'no name'],
  ['a b', 'x', 'a name with a space'],
  ['a\u202e', 'x', 'a name that terminals show as another'],
  ['__proto__', 'x', 'what JavaScript takes for something else'],
  ['a'.repeat(129), 'x', 'an endless name'],
  ['a', 'x'.repeat(1025), 'an endless text'],
];

for (const [key, value, reason] of refused) {
  test(`checkAnnotations() refuses ${reason}: ${key.slice(0, 20)}`, (t) => {
    t.throws(() => checkAnnotations(Object.fromEntries([[key, value]])), { code: 'STATEMENT_INVALID' });
    const read = annotationsFrom(new JsonFields(Object.fromEntries([[key, value]]), 'it', 'JSON_INVALID'));
    t.is(read, undefined, 'and it is not read either');
  });
}

test('checkAnnotations() refuses more than 64', (t) => {
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`key${index}`, '']));
  t.throws(() => checkAnnotations(many), { code: 'STATEMENT_INVALID', message: /^65 annotations/ });
});

test('annotationsFrom() leaves what is no short text aside, as other tools write it', (t) => {
  const read = annotationsFrom(
    new JsonFields({ a: '1', b: 2, c: { d: 'e' }, f: null }, 'it', 'JSON_INVALID'),
  );
  t.deepEqual(read, { a: '1' });
  t.is(annotationsFrom(undefined), undefined);
});

test('both encodings carry annotations, and can not be told another statement by them', (t) => {
  const claim = { ...testClaim, annotations: { build: '4711', 'com.example/by': 'CI' } };
  const digest = testDigest('a');
  t.deepEqual(parseSimpleSigning(encodeSimpleSigning(claim, digest)), { ...claim, digest });
  t.deepEqual(parseInToto(encodeInToto(claim, digest)), { ...claim, digest });
  const forged = { ...testClaim, annotations: { timestamp: 'never', 'img.seq': '99' } };
  t.is(parseSimpleSigning(encodeSimpleSigning(forged, digest)).sequence, testClaim.sequence);
});
