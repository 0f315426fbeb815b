import { parseNamePrefix } from '@img/spec/name-prefix';
import test from 'ava';
import { distrustIdentity, forgetIdentity, removeRule, trustIdentity } from './edit-trust.ts';
import { parseIdentityId } from './identity.ts';
import { SignError } from './sign-error.ts';
import { testKey } from './testing/test-keys.ts';
import { testDocument, testIdentity, testRule } from './testing/test-policy.ts';
import { emptyTrustDocument, type TrustDocument } from './trust-document.ts';

const prefix = parseNamePrefix('com.example.');
const [alice, bob] = [testIdentity('alice'), testIdentity('bob')];
const rulesOf = ({ rules }: TrustDocument) =>
  rules.map(({ prefix, require, of }) => `${require} of ${of} for ${prefix}`);
const invalid = { instanceOf: SignError, code: 'POLICY_INVALID' };

test('trustIdentity() makes the rule, adds to it, and changes nothing the second time', (t) => {
  const one = trustIdentity(emptyTrustDocument, alice, prefix);
  t.deepEqual(rulesOf(one), ['1 of alice for com.example.']);
  const two = trustIdentity(one, bob, prefix, { require: 2 });
  t.deepEqual(rulesOf(two), ['2 of alice,bob for com.example.']);
  t.deepEqual(rulesOf(trustIdentity(two, bob, prefix)), rulesOf(two));
  t.deepEqual(two.identities, [alice, bob]);
  const other = trustIdentity(two, alice, parseNamePrefix('org.other'));
  t.deepEqual(rulesOf(other), ['2 of alice,bob for com.example.', '1 of alice for org.other']);
  t.deepEqual(emptyTrustDocument.rules, [], 'the document given stays as it is');
});

test('trustIdentity() never puts a key under an id that stands for another key', (t) => {
  const document = trustIdentity(emptyTrustDocument, alice, prefix);
  for (const [identity, reason] of [
    [{ ...alice, keys: [testKey(9).publicKey] }, 'another key'],
    [{ ...alice, name: 'Mallory' }, 'another name'],
    [{ ...alice, id: parseIdentityId('mallory') }, 'a key that has an owner'],
  ] as const) {
    const error = { instanceOf: SignError, code: 'POLICY_CONFLICT' };
    t.throws(() => trustIdentity(document, identity, prefix), error, reason);
  }
});

test('trustIdentity() refuses a threshold that nobody can meet', (t) => {
  t.throws(() => trustIdentity(emptyTrustDocument, alice, prefix, { require: 2 }), invalid);
  t.throws(() => trustIdentity(emptyTrustDocument, alice, prefix, { require: 0 }), invalid);
});

test('distrustIdentity() leaves a closed rule where nobody is left, so that no broader rule decides', (t) => {
  const document = testDocument(testRule('com.', 1, ['bob']), testRule('com.example.', 1, ['alice']));
  const edited = distrustIdentity(document, alice.id, prefix);
  t.deepEqual(rulesOf(edited), ['1 of bob for com.', '1 of  for com.example.']);
  t.deepEqual(rulesOf(trustIdentity(edited, alice, prefix)), rulesOf(document), 'and it opens again');
});

test('distrustIdentity() does not lower a threshold by itself', (t) => {
  const document = testDocument(testRule('com.example.', 2, ['alice', 'bob']));
  t.throws(() => distrustIdentity(document, alice.id, prefix), invalid);
  t.deepEqual(rulesOf(distrustIdentity(document, alice.id, prefix, { require: 1 })), [
    '1 of bob for com.example.',
  ]);
});

test('distrustIdentity() says when there is nothing to take out', (t) => {
  const document = testDocument(testRule('com.example.', 1, ['alice']));
  t.throws(() => distrustIdentity(document, bob.id, prefix), invalid);
  t.throws(() => distrustIdentity(document, alice.id, parseNamePrefix('com.example')), invalid);
});

test('forgetIdentity() removes an identity, its keys and its place in every rule', (t) => {
  const document = testDocument(
    testRule('a', 1, ['alice', 'bob']),
    testRule('b', 1, ['alice']),
    testRule('c', 1, ['bob']),
  );
  const edited = forgetIdentity(document, alice.id);
  t.deepEqual(rulesOf(edited), ['1 of bob for a', '1 of  for b', '1 of bob for c']);
  t.false(edited.identities.some(({ id }) => id === alice.id));
  t.throws(() => forgetIdentity(edited, alice.id), invalid);
  const strict = testDocument(testRule('a', 2, ['alice', 'bob']));
  t.throws(() => forgetIdentity(strict, alice.id), invalid);
});

test('removeRule() removes exactly that rule', (t) => {
  const document = testDocument(testRule('com.', 1, ['bob']), testRule('com.example.', 1, ['alice']));
  t.deepEqual(rulesOf(removeRule(document, prefix)), ['1 of bob for com.']);
  t.throws(() => removeRule(document, parseNamePrefix('com')), invalid);
});
