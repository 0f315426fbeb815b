import { parseTag } from '@img/spec/tag';
import test from 'ava';
import { refreshableSequence } from './refreshable.ts';
import { testDigest, untaggedClaim } from './testing/test-claim.ts';
import { joined, signedEvidence } from './testing/test-evidence.ts';
import { testKey } from './testing/test-keys.ts';
import { testIdentity, testPolicy, testRule } from './testing/test-policy.ts';
import { outcome, request } from './testing/test-request.ts';
import { parseUnixTime } from './unix-time.ts';
import { type VerifyRequest, verifyImage } from './verify-image.ts';

const [alice, bob, mover] = [testKey(1), testKey(2), testKey(4)];
const rule = { ...testRule('com.example.', 2, ['alice', 'bob']), movers: [testIdentity('dave').id] };
const policy = testPolicy(rule);
const untagged = { tag: undefined, sequence: undefined };

/** Alice and Bob say that the image is one of theirs, and name no tag. */
async function released() {
  return joined(await signedEvidence(alice, untagged), await signedEvidence(bob, untagged));
}

const decide = (change: Partial<VerifyRequest>) => verifyImage(request({ policy, ...change }));

test('verifyImage() trusts an image that signers released and a mover tagged', async (t) => {
  const decision = decide({ evidence: joined(await released(), await signedEvidence(mover)) });
  t.is(outcome(decision), 'trusted', decision.message);
  t.like(decision, { sequence: 41 });
  t.true(decision.findings.some(({ code }) => code === 'MOVES_TAG'));
  t.deepEqual(
    decision.signers.map(({ identity }) => identity.name),
    ['Alice', 'Bob'],
  );
});

test('verifyImage() needs no mover for an image that is asked for by its digest', async (t) => {
  t.is(outcome(decide({ tag: undefined, evidence: await released() })), 'trusted');
});

test('verifyImage() ends with what ends first', async (t) => {
  const expires = parseUnixTime('2026-12-05T00:00:00Z');
  const evidence = joined(await released(), await signedEvidence(mover, { expires }));
  t.like(decide({ evidence }), { trusted: true, expires });
});

// What a mover alone, or the signers alone, could try.
const refused: readonly [code: string, make: () => Promise<Partial<VerifyRequest>>, reason: string][] = [
  ['NO_TAG_MOVER', async () => ({ evidence: await released() }), 'nobody says what the tag means'],
  [
    'NO_TAG_MOVER',
    async () => ({ evidence: joined(await signedEvidence(alice), await signedEvidence(bob)) }),
    'the signers say it, who are no movers',
  ],
  [
    'UNTRUSTED_KEY',
    async () => ({ evidence: await signedEvidence(mover) }),
    'a mover tags what nobody released',
  ],
  [
    'TOO_FEW_SIGNERS',
    async () => ({ evidence: joined(await signedEvidence(alice, untagged), await signedEvidence(mover)) }),
    'a mover tags what one person released',
  ],
  [
    'NO_TAG_MOVER',
    async () => ({
      evidence: joined(await released(), await signedEvidence(mover, { tag: parseTag('2.0') })),
    }),
    'the mover meant another tag',
  ],
  [
    'NO_TAG_MOVER',
    async () => ({ evidence: joined(await released(), await signedEvidence(mover, {}, 'b')) }),
    'the mover meant another image',
  ],
  [
    'NO_TAG_MOVER',
    async () => ({ evidence: joined(await released(), await signedEvidence(mover, untagged)) }),
    'the mover names no tag',
  ],
  [
    'NO_TAG_MOVER',
    async () => ({
      now: untaggedClaim.expires as VerifyRequest['now'],
      evidence: joined(
        await signedEvidence(alice, { ...untagged, expires: undefined }),
        await signedEvidence(bob, { ...untagged, expires: undefined }),
        await signedEvidence(mover),
      ),
    }),
    'what the mover said has expired',
  ],
  [
    'ROLLBACK',
    async () => ({
      remembered: { sequence: 42, digest: testDigest('b') },
      evidence: joined(await released(), await signedEvidence(mover)),
    }),
    'the tag was moved on since',
  ],
];

for (const [code, make, reason] of refused) {
  test(`verifyImage() refuses with ${code} where tags have movers: ${reason}`, async (t) => {
    const decision = decide(await make());
    t.is(outcome(decision), code, decision.message);
  });
}

test('refreshableSequence() is that of the mover where there are movers', async (t) => {
  const question = {
    repository: untaggedClaim.repository,
    tag: parseTag('1.0'),
    digest: testDigest('a'),
    policy,
  };
  t.is(refreshableSequence({ ...question, evidence: await signedEvidence(mover) }), 41);
  t.is(refreshableSequence({ ...question, evidence: await signedEvidence(alice) }), undefined);
});
