import type { JsonValue } from '@img/spec/json';
import test from 'ava';
import fc from 'fast-check';
import { SignError } from './sign-error.ts';
import { testKey } from './testing/test-keys.ts';
import { testDocument, testRule } from './testing/test-policy.ts';
import { emptyTrustDocument, encodeTrustDocument, parseTrustDocument } from './trust-document.ts';

const bytes = (value: JsonValue) => new TextEncoder().encode(JSON.stringify(value));
const key = testKey(1).publicKey.toSshLine();
const alice = { id: 'alice', name: 'Alice', keys: [key] };
const rule = { prefix: 'com.example.', require: 1, of: ['alice'] };

test('parseTrustDocument() reads back what encodeTrustDocument() writes', (t) => {
  for (const document of [
    emptyTrustDocument,
    testDocument(),
    testDocument(
      testRule('com.example.', 2, ['alice', 'bob']),
      testRule('*', 1, []),
      testRule('a', 1, ['bob']),
    ),
  ]) {
    const encoded = encodeTrustDocument(document);
    const parsed = parseTrustDocument(encoded);
    t.deepEqual(encodeTrustDocument(parsed), encoded);
    t.deepEqual(parsed.rules, document.rules);
    t.deepEqual(
      parsed.identities.map(({ keys }) => keys.map(({ fingerprint }) => fingerprint)),
      document.identities.map(({ keys }) => keys.map(({ fingerprint }) => fingerprint)),
    );
  }
});

test('parseTrustDocument() takes PEM keys, comments in keys and stars in prefixes', (t) => {
  const { identities, rules } = parseTrustDocument(
    bytes({
      format: 1,
      identities: [
        {
          id: 'alice',
          name: 'Alice Ünïcode, Ltd.',
          keys: [`${key} alice@laptop`, testKey(2).publicKey.toPem()],
        },
      ],
      rules: [{ prefix: 'com.example.*', require: 1, of: ['alice'] }],
    }),
  );
  t.is(identities[0]?.keys.length, 2);
  t.is(rules[0]?.prefix as string, 'com.example.');
});

test('parseTrustDocument() takes documents with only one of both lists', (t) => {
  t.is(parseTrustDocument(bytes({ format: 1, rules: [rule] })).rules.length, 1);
  t.is(parseTrustDocument(bytes({ format: 1, identities: [alice] })).identities.length, 1);
});

const refused: readonly (readonly [value: JsonValue, reason: string])[] = [
  [[], 'no object'],
  [{}, 'no format'],
  [{ format: 2 }, 'a newer format'],
  [{ format: '1' }, 'a format in words'],
  [{ format: 1, rule: [] }, 'an unknown field'],
  [{ format: 1, identities: {} }, 'identities that are no list'],
  [{ format: 1, identities: [{ ...alice, email: 'a@example.com' }] }, 'an unknown field of an identity'],
  [{ format: 1, identities: [{ ...alice, id: 'Alice Smith' }] }, 'an id with a space'],
  [{ format: 1, identities: [{ ...alice, id: '' }] }, 'an empty id'],
  [{ format: 1, identities: [{ ...alice, name: 'A\u001b[31m' }] }, 'a name that colours a terminal'],
  [{ format: 1, identities: [{ ...alice, name: 'A\u202e' }] }, 'a name that turns text around'],
  [{ format: 1, identities: [{ ...alice, name: 'A\nB' }] }, 'a name of two lines'],
  [{ format: 1, identities: [{ ...alice, name: '' }] }, 'an empty name'],
  [{ format: 1, identities: [{ ...alice, keys: [] }] }, 'no key'],
  [{ format: 1, identities: [{ id: 'alice', name: 'Alice' }] }, 'keys left out'],
  [{ format: 1, identities: [{ ...alice, keys: [key, `${key} again`] }] }, 'a key twice'],
  [{ format: 1, identities: [alice, { ...alice, keys: [testKey(2).publicKey.toSshLine()] }] }, 'an id twice'],
  [{ format: 1, rules: [{ ...rule, requires: 2 }] }, 'an unknown field of a rule'],
  [{ format: 1, rules: [{ prefix: 'com.example.', of: ['alice'] }] }, 'no threshold'],
  [{ format: 1, rules: [{ prefix: 'com.example.', require: 1 }] }, 'nobody named, not even none'],
  [{ format: 1, rules: [{ ...rule, require: 0 }] }, 'a threshold of none'],
  [{ format: 1, rules: [{ ...rule, require: 1.5 }] }, 'a broken threshold'],
  [{ format: 1, rules: [{ ...rule, require: 2 }] }, 'a threshold that nobody can meet'],
  [{ format: 1, rules: [{ ...rule, require: 2, of: ['alice', 'alice'] }] }, 'one identity counted twice'],
  [{ format: 1, rules: [{ ...rule, of: [1] }] }, 'an id that is no string'],
  [{ format: 1, rules: [{ ...rule, prefix: 'Com.Example.' }] }, 'a prefix that no name has'],
  [{ format: 1, rules: [{ ...rule, prefix: 'com.ex*' }] }, 'a star inside a label'],
  [{ format: 1, rules: [rule, { ...rule, prefix: 'com.example.*' }] }, 'a prefix twice, in two spellings'],
];

test('parseTrustDocument() refuses what it does not understand whole', (t) => {
  for (const [value, reason] of refused) {
    const error = { instanceOf: SignError, code: 'POLICY_INVALID' };
    t.throws(() => parseTrustDocument(bytes(value)), error, reason);
  }
  const twice = new TextEncoder().encode('{"format":1,"rules":[],"rules":[]}');
  t.throws(() => parseTrustDocument(twice), { code: 'POLICY_INVALID' }, 'a JSON key twice');
  const huge = new TextEncoder().encode(`{"format":1${' '.repeat(2 ** 20)}}`);
  t.throws(() => parseTrustDocument(huge), { code: 'POLICY_INVALID' }, 'too long');
  const weak = bytes({ format: 1, identities: [{ ...alice, keys: ['ssh-rsa AAAA'] }] });
  const error = t.throws(
    () => parseTrustDocument(weak),
    { code: 'KEY_UNSUPPORTED' },
    'a key that cannot be used',
  );
  t.regex(error.message, /^trust document\.identities\[0\]\.keys\[0\]: .*"ssh-rsa"/);
  const broken = t.throws(() => parseTrustDocument(new TextEncoder().encode('{"format":1,}')));
  t.regex(broken.message, /^trust document: JSON has "}" at character 12/);
});

test('parseTrustDocument() throws nothing but SignError', (t) => {
  const part = fc.oneof(fc.constant(alice), fc.constant(rule), fc.jsonValue());
  const list = fc.oneof(fc.array(part, { maxLength: 3 }), fc.jsonValue());
  fc.assert(
    fc.property(fc.record({ format: fc.constantFrom(1, 2), identities: list, rules: list }), (value) => {
      try {
        parseTrustDocument(bytes(value as JsonValue));
        return true;
      } catch (error) {
        return error instanceof SignError;
      }
    }),
  );
  t.pass();
});
