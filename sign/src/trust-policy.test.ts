import { parseRepositoryName } from '@img/spec/repository-name';
import test from 'ava';
import { parseIdentityId } from './identity.ts';
import { SignError } from './sign-error.ts';
import { testKey } from './testing/test-keys.ts';
import { testDocument, testIdentity, testPolicy, testRule } from './testing/test-policy.ts';
import type { TrustDocument } from './trust-document.ts';
import { findRule, mergeTrustDocuments } from './trust-policy.ts';
import { describeRule } from './trust-rule.ts';

const merge = (a: TrustDocument, b: TrustDocument) =>
  mergeTrustDocuments([
    { source: '/etc/a.json', document: a },
    { source: '/etc/b.json', document: b },
  ]);

const rules = [
  testRule('*', 1, ['dave']),
  testRule('com.example.', 1, ['alice']),
  testRule('com.example.app', 2, ['alice', 'bob']),
  testRule('com.example.app.secret', 1, []),
  testRule('com.example/', 1, ['bob']),
];

const ruled: readonly (readonly [name: string, prefix: string, reason: string])[] = [
  ['com.example.app', 'com.example.app', 'the name itself'],
  ['com.example.app.worker', 'com.example.app', 'below it, after a dot'],
  ['com.example.app/worker', 'com.example.app', 'below it, after a slash'],
  ['com.example.apps', 'com.example.', 'another label with the same beginning'],
  ['com.example.app-x', 'com.example.', 'another label that goes on with a dash'],
  ['com.example.app.secret', 'com.example.app.secret', 'the most specific ends the search, also when closed'],
  ['com.example/app', 'com.example/', 'a slash is another prefix than a dot'],
  ['com.example', '*', 'a prefix that ends in a separator does not cover the name before it'],
  ['org.other', '*', 'everything else'],
];

test('findRule() takes the most specific prefix on label boundaries, and only that', (t) => {
  const policy = testPolicy(...rules);
  for (const [name, prefix, reason] of ruled) {
    t.is(findRule(policy, parseRepositoryName(name))?.prefix as string, prefix, reason);
  }
  t.is(findRule(testPolicy(...rules.slice(1)), parseRepositoryName('org.other')), undefined);
});

test('mergeTrustDocuments() adds documents up, in any order', (t) => {
  const a = { identities: [testIdentity('alice')], rules: [testRule('com.a', 1, ['bob'])] };
  const b = { identities: [testIdentity('bob')], rules: [testRule('com.b', 1, ['alice'])] };
  for (const policy of [merge(a, b), merge(b, a)]) {
    t.deepEqual([...policy.identities.keys()].sort(), ['alice', 'bob'] as never);
    t.deepEqual([...policy.rules.keys()].sort(), ['com.a', 'com.b'] as never);
    t.is(policy.owners.get(testKey(2).publicKey.fingerprint)?.name, 'Bob');
  }
  t.is(mergeTrustDocuments([]).rules.size, 0);
});

test('mergeTrustDocuments() takes a definition that stands in two documents and is the same', (t) => {
  const document = testDocument(testRule('com.a', 2, ['alice', 'bob']));
  const reordered = testDocument(testRule('com.a', 2, ['bob', 'alice']));
  t.is(merge(document, reordered).rules.size, 1);
});

const alice = testIdentity('alice');
const conflicts: readonly (readonly [a: TrustDocument, b: TrustDocument, reason: string])[] = [
  [
    { identities: [alice], rules: [] },
    { identities: [{ ...alice, name: 'Alicia' }], rules: [] },
    'one id, two names',
  ],
  [
    { identities: [alice], rules: [] },
    { identities: [{ ...alice, keys: [testKey(9).publicKey] }], rules: [] },
    'one id, two keys',
  ],
  [
    { identities: [alice], rules: [] },
    { identities: [{ ...alice, keys: [...alice.keys, testKey(9).publicKey] }], rules: [] },
    'one id, a key more',
  ],
  [
    { identities: [alice], rules: [] },
    { identities: [{ ...alice, id: parseIdentityId('eve') }], rules: [] },
    'one key, two identities: it would count twice',
  ],
  [
    testDocument(testRule('com.a', 1, ['alice'])),
    testDocument(testRule('com.a', 1, ['alice', 'bob'])),
    'one prefix, two lists',
  ],
  [
    testDocument(testRule('com.a', 1, ['alice', 'bob'])),
    testDocument(testRule('com.a', 2, ['alice', 'bob'])),
    'one prefix, two thresholds',
  ],
  [testDocument(testRule('com.a', 1, ['alice'])), testDocument(testRule('com.a', 1, [])), 'closed and open'],
];

test('mergeTrustDocuments() refuses contradictions and names both documents', (t) => {
  for (const [a, b, reason] of conflicts) {
    const error = t.throws(() => merge(a, b), { instanceOf: SignError, code: 'POLICY_CONFLICT' }, reason);
    t.regex(error?.message ?? '', /\/etc\/a\.json.*\/etc\/b\.json/, reason);
  }
});

test('mergeTrustDocuments() refuses a rule that names nobody it knows', (t) => {
  const document = { identities: [], rules: [testRule('com.a', 1, ['alice'])] };
  const error = t.throws(() => merge(document, { identities: [], rules: [] }), { code: 'POLICY_INVALID' });
  t.regex(error.message, /com\.a in \/etc\/a\.json .* alice/);
});

test('describeRule() is a clause for people', (t) => {
  t.is(
    describeRule(testRule('com.example.', 2, ['alice', 'bob', 'carol'])),
    '2 of alice, bob, carol for com.example.*',
  );
  t.is(describeRule(testRule('com.example.app', 1, [])), '1 of nobody for com.example.app');
});
