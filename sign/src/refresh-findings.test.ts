import { parseTag } from '@img/spec/tag';
import test from 'ava';
import type { Evidence } from './evidence.ts';
import { refreshableSequence } from './refreshable.ts';
import type { Claim } from './statement.ts';
import { testClaim, testDigest } from './testing/test-claim.ts';
import { joined, signedEvidence } from './testing/test-evidence.ts';
import { testKey } from './testing/test-keys.ts';
import { testIdentity, testPolicy, testRule } from './testing/test-policy.ts';
import { outcome, request } from './testing/test-request.ts';
import { checkRule } from './trust-rule.ts';
import { parseUnixTime } from './unix-time.ts';
import { verifyImage } from './verify-image.ts';

const [alice, bob, timer] = [testKey(1), testKey(2), testKey(4)];
const rule = (require: number) => ({
  ...testRule('com.example.', require, ['alice', 'bob']),
  refreshers: [testIdentity('dave').id],
});
const policy = testPolicy(rule(1));
// A week after the end of the test claim.
const now = parseUnixTime('2026-12-29T00:00:00Z');
const expires = parseUnixTime('2027-01-05T00:00:00Z');
const extension = (claim: Partial<Claim> = {}, digit = 'a') =>
  signedEvidence(timer, { expires, ...claim }, digit);

test('verifyImage() lets an expired statement hold as long as a refresher says', async (t) => {
  const evidence = joined(await signedEvidence(alice), await extension());
  const decision = verifyImage(request({ policy, now, evidence }));
  t.is(outcome(decision), 'trusted');
  t.like(decision, { sequence: 41, expires });
  t.is(outcome(verifyImage(request({ policy, now: expires, evidence }))), 'EXPIRED', 'and no longer');
  t.is(outcome(verifyImage(request({ policy, now, evidence: await signedEvidence(alice) }))), 'EXPIRED');
});

test('verifyImage() tells the later end also of a statement that still holds', async (t) => {
  const evidence = joined(await signedEvidence(alice), await extension());
  const decision = verifyImage(request({ policy, now: testClaim.issued, evidence }));
  t.like(decision, { trusted: true, expires });
});

test('verifyImage() counts everybody whose statement is extended', async (t) => {
  const evidence = joined(await signedEvidence(alice), await signedEvidence(bob), await extension());
  const decision = verifyImage(request({ policy: testPolicy(rule(2)), now, evidence }));
  t.is(outcome(decision), 'trusted');
});

// What somebody with the refresher's key could try.
const refused: readonly [code: string, evidence: () => Promise<Evidence>, reason: string][] = [
  ['UNTRUSTED_KEY', () => extension(), 'to sign alone'],
  ['UNTRUSTED_KEY', () => extension({ sequence: 99 }), 'to bring something new'],
  [
    'EXPIRED',
    async () => joined(await signedEvidence(alice), await extension({ sequence: 42 })),
    'to give it a higher number',
  ],
  [
    'EXPIRED',
    async () => joined(await signedEvidence(alice), await extension({ sequence: 40 })),
    'to extend another statement',
  ],
  [
    'EXPIRED',
    async () => joined(await signedEvidence(alice), await extension({ tag: parseTag('2.0') })),
    'to extend it under another tag',
  ],
  [
    'OTHER_DIGEST',
    async () => joined(await signedEvidence(alice, {}, 'b'), await extension()),
    'to pass another image off as the one that was signed',
  ],
  [
    'EXPIRED',
    async () => joined(await signedEvidence(alice), await extension({ expires: undefined })),
    'to extend it for ever',
  ],
  [
    'EXPIRED',
    async () =>
      joined(await signedEvidence(alice), await extension({ issued: parseUnixTime('2027-01-02T00:00:00Z') })),
    'to extend it later',
  ],
];

for (const [code, evidence, reason] of refused) {
  test(`verifyImage() refuses a refresher who tries ${reason}`, async (t) => {
    const decision = verifyImage(request({ policy, now, evidence: await evidence() }));
    t.is(outcome(decision), code, decision.message);
  });
}

test('verifyImage() lets a revoked refresher extend nothing', async (t) => {
  const revoked = new Map([[timer.publicKey.fingerprint, [{ source: 'x', prefixes: [rule(1).prefix] }]]]);
  const evidence = joined(await signedEvidence(alice), await extension());
  t.is(outcome(verifyImage(request({ policy: { ...policy, revoked }, now, evidence }))), 'KEY_REVOKED');
});

test('checkRule() lets nobody sign and refresh', (t) => {
  t.throws(() => checkRule({ ...rule(1), refreshers: [testIdentity('alice').id] }), {
    code: 'POLICY_INVALID',
    message: /lets alice sign and refresh/,
  });
});

test('refreshableSequence() is the number that enough people gave, expired or not', async (t) => {
  const question = {
    repository: testClaim.repository,
    tag: parseTag('1.0'),
    digest: testDigest('a'),
    evidence: joined(
      await signedEvidence(alice, { sequence: 43 }),
      await signedEvidence(bob),
      await extension(),
    ),
    policy,
  };
  t.is(refreshableSequence(question), 43);
  t.is(refreshableSequence({ ...question, policy: testPolicy(rule(2)) }), 41);
  t.is(refreshableSequence({ ...question, digest: testDigest('b') }), undefined);
  t.is(refreshableSequence({ ...question, evidence: await extension() }), undefined);
  t.is(refreshableSequence({ ...question, policy: testPolicy() }), undefined);
});
