import { parseDigest } from '@img/spec/digest';
import type { JsonObject, JsonValue } from '@img/spec/json';
import test from 'ava';
import fc from 'fast-check';
import { encodeInToto, parseInToto } from './in-toto.ts';
import { SignError } from './sign-error.ts';
import { testClaim, testDigest, untaggedClaim } from './testing/test-claim.ts';

const bytes = (value: JsonValue) => new TextEncoder().encode(JSON.stringify(value));

test('encodeInToto() writes the bytes that other tools read', (t) => {
  t.is(
    Buffer.from(encodeInToto(testClaim, testDigest('a'))).toString(),
    '{"_type":"https://in-toto.io/Statement/v1",' +
      `"subject":[{"name":"reg.example:5000/com.example.app:1.0","digest":{"sha256":"${'a'.repeat(64)}"}}],` +
      '"predicateType":"https://sigstore.dev/cosign/sign/v1",' +
      '"predicate":{"repository":"com.example.app","tag":"1.0","seq":41,' +
      '"issued":"2026-11-22T00:00:00Z","expires":"2026-12-22T00:00:00Z"}}',
  );
});

test('parseInToto() reads back what encodeInToto() writes', (t) => {
  const sha512 = parseDigest(`sha512:${'b'.repeat(128)}`);
  for (const claim of [testClaim, untaggedClaim, { ...testClaim, expires: undefined }]) {
    for (const digest of [testDigest('a'), sha512]) {
      t.deepEqual(parseInToto(encodeInToto(claim, digest)), { ...claim, digest });
    }
  }
});

const subject = { digest: { sha256: 'a'.repeat(64) } };
const named = { ...subject, name: 'reg.example:5000/com.example.app:1.0' };
const statement = {
  _type: 'https://in-toto.io/Statement/v1',
  subject: [subject],
  predicateType: 'https://sigstore.dev/cosign/sign/v1',
};
const predicate = { repository: 'com.example.app', tag: '1.0', seq: 41, issued: '2026-11-22T00:00:00Z' };

test('parseInToto() reads what cosign writes: a digest and nothing else', (t) => {
  for (const value of [statement, { ...statement, predicate: {} }, { ...statement, predicate: null }]) {
    t.deepEqual(parseInToto(bytes(value)), {
      registry: undefined,
      repository: undefined,
      tag: undefined,
      digest: testDigest('a'),
      sequence: undefined,
      issued: undefined,
      expires: undefined,
    });
  }
});

test('parseInToto() takes the name of the subject where there is no predicate', (t) => {
  const read = parseInToto(bytes({ ...statement, subject: [named] }));
  t.is(read?.repository as string | undefined, 'com.example.app');
  t.is(read?.tag as string | undefined, '1.0');
});

test('parseInToto() takes a predicate without a name of the subject', (t) => {
  t.is(parseInToto(bytes({ ...statement, predicate }))?.sequence, 41);
});

test('parseInToto() does not take statements of other types for signatures', (t) => {
  for (const predicateType of [
    'https://spdx.dev/Document',
    'https://slsa.dev/provenance/v1',
    'https://sigstore.dev/cosign/sign/v1/',
    '',
  ]) {
    t.is(parseInToto(bytes({ ...statement, predicateType, subject: [], more: 1 })), undefined, predicateType);
  }
});

const refused: readonly (readonly [value: JsonObject, reason: string])[] = [
  [{}, 'nothing'],
  [{ ...statement, _type: 'https://in-toto.io/Statement/v0.1' }, 'an older type'],
  [{ ...statement, extra: 1 }, 'an unknown field'],
  [{ ...statement, subject: [] }, 'no subject'],
  [{ ...statement, subject: [subject, subject] }, 'two subjects'],
  [{ ...statement, subject: [{ digest: {} }] }, 'no digest'],
  [
    { ...statement, subject: [{ digest: { sha256: 'a'.repeat(64), sha512: 'b'.repeat(128) } }] },
    'two digests',
  ],
  [{ ...statement, subject: [{ digest: { sha256: 'A'.repeat(64) } }] }, 'upper-case hex'],
  [{ ...statement, subject: [{ digest: { md5: 'a'.repeat(32) } }] }, 'a weak digest'],
  [{ ...statement, subject: 'x' }, 'a subject that is no list'],
  [{ ...statement, predicate: [] }, 'a predicate that is no object'],
  [{ ...statement, predicate: { ...predicate, more: 1 } }, 'an unknown field of the predicate'],
  [{ ...statement, predicate: { tag: '1.0', seq: 41, issued: predicate.issued } }, 'no repository'],
  [{ ...statement, predicate: { ...predicate, repository: 'Com' } }, 'a repository that cannot be'],
  [{ ...statement, predicate: { ...predicate, tag: '-' } }, 'a tag that cannot be'],
  [{ ...statement, predicate: { ...predicate, seq: '41' } }, 'a number in words'],
];

test('parseInToto() refuses what has more than one meaning', (t) => {
  for (const [value, reason] of refused) {
    t.throws(() => parseInToto(bytes(value)), { instanceOf: SignError, code: 'BUNDLE_INVALID' }, reason);
  }
});

test('parseInToto() refuses statements that contradict themselves', (t) => {
  for (const [value, reason] of [
    [{ subject: [named], predicate: { ...predicate, repository: 'com.other' } }, 'two repositories'],
    [{ subject: [named], predicate: { ...predicate, tag: '2.0' } }, 'two tags'],
    [
      { subject: [named], predicate: { repository: 'com.example.app', issued: predicate.issued } },
      'a tag and none',
    ],
    [{ subject: [{ ...subject, name: 'app' }], predicate }, 'a name without a registry'],
    [{ predicate: { ...predicate, tag: null } }, 'a number without a tag'],
    [{ predicate: { ...predicate, expires: predicate.issued } }, 'over before it begins'],
    [{ predicate: { ...predicate, issued: '2026-11-22' } }, 'a day instead of a time'],
  ] as const) {
    const error = { instanceOf: SignError, code: 'STATEMENT_INVALID' };
    t.throws(() => parseInToto(bytes({ ...statement, ...value })), error, reason);
  }
});

test('parseInToto() throws nothing but SignError', (t) => {
  const text = Buffer.from(encodeInToto(testClaim, testDigest('a'))).toString();
  fc.assert(
    fc.property(fc.nat(text.length), fc.nat(20), fc.string({ maxLength: 5 }), (at, cut, added) => {
      try {
        parseInToto(new TextEncoder().encode(text.slice(0, at) + added + text.slice(at + cut)));
        return true;
      } catch (error) {
        return error instanceof SignError;
      }
    }),
  );
  t.pass();
});
