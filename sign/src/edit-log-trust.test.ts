import { parseNamePrefix } from '@img/spec/name-prefix';
import test from 'ava';
import { requireLog, requireNoLog, retireKey } from './edit-log-trust.ts';
import { readmit, trustIdentity } from './edit-trust.ts';
import type { KnownLog } from './log/known-log.ts';
import { testKey } from './testing/test-keys.ts';
import { TestLog, testWitness } from './testing/test-log.ts';
import { testDocument, testIdentity, testRule } from './testing/test-policy.ts';
import { encodeTrustDocument, parseTrustDocument } from './trust-document.ts';
import { describeRule } from './trust-rule.ts';

const prefix = parseNamePrefix('com.example.');
const { key } = new TestLog();
const log: KnownLog = { key, witnesses: [testWitness('w1.example', 91).key], requireWitnesses: 1 };
const document = testDocument(testRule('com.example.', 1, ['alice']));

test('requireLog() adds a log and asks for it, and requireNoLog() asks no longer', (t) => {
  const required = requireLog(document, log, prefix);
  t.is(describeRule(required.rules[0] as never), `1 of alice for com.example.*, logged in ${key.name}`);
  t.deepEqual(requireLog(required, log, prefix), required);
  const changed = requireLog(required, { ...log, witnesses: [], requireWitnesses: 0 }, prefix);
  t.is(changed.logs?.length, 1);
  t.deepEqual(changed.logs?.[0]?.witnesses, [], 'the newer definition stays');
  t.deepEqual(requireNoLog(required, prefix).rules, document.rules);
  t.throws(() => requireNoLog(document, prefix), { code: 'POLICY_INVALID', message: /requires a log/ });
  t.throws(() => requireLog(document, log, parseNamePrefix('org.example.')), { code: 'POLICY_INVALID' });
});

test('trustIdentity() leaves the log of a rule as it is', (t) => {
  const required = requireLog(document, log, prefix);
  const { rules } = trustIdentity(required, testIdentity('bob'), prefix);
  t.like(rules[0], { of: ['alice', 'bob'], log: key.name });
});

test('retireKey() lets a key count for a while, and readmit() for ever', (t) => {
  const retired = { key: testKey(1).publicKey.fingerprint, log: key.name, from: 7 };
  const after = retireKey(document, retired);
  t.deepEqual(after.retired, [retired]);
  t.throws(() => retireKey(after, { ...retired, from: 3 }), { code: 'POLICY_INVALID', message: /already/ });
  t.deepEqual(readmit(after, retired.key).retired, []);
});

test('encodeTrustDocument() and parseTrustDocument() keep logs and retired keys', (t) => {
  const whole = retireKey(requireLog(document, log, prefix), {
    key: testKey(1).publicKey.fingerprint,
    log: key.name,
    from: 0,
  });
  const bytes = encodeTrustDocument(whole);
  t.deepEqual(encodeTrustDocument(parseTrustDocument(bytes)), bytes);
  t.is(parseTrustDocument(bytes).rules[0]?.log, key.name);
  const text = new TextDecoder().decode(bytes);
  const broken: readonly (readonly [from: string | RegExp, to: string, reason: string])[] = [
    ['"require": 1,\n      "witnesses"', '"require": 2,\n      "witnesses"', 'more witnesses than there are'],
    [/"key": "log\.example/, '"key": "log.exampl', 'the id of another name'],
    ['"from": 0', '"from": -1', 'an entry before the first'],
    ['"from": 0', '"since": 0', 'a field that nobody knows'],
  ];
  for (const [from, to, reason] of broken) {
    const changed = text.replace(from, to);
    t.not(changed, text, reason);
    t.throws(() => parseTrustDocument(new TextEncoder().encode(changed)), { name: 'SignError' }, reason);
  }
});
