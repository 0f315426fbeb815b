import { testClaim, testDigest } from '@img/sign/testing/test-claim';
import { testKey } from '@img/sign/testing/test-keys';
import { testPolicy, testRule } from '@img/sign/testing/test-policy';
import { outcome, request } from '@img/sign/testing/test-request';
import { verifyImage } from '@img/sign/verify-image';
import test from 'ava';
import { signedSource } from '../testing/signed-source.ts';
import { judgeImage } from './judge-image.ts';

const { evidence: _, ...question } = request({});

test('judgeImage() decides with what is attached, and hands back what it decided from', async (t) => {
  const judgement = await judgeImage(await signedSource(testKey(1)), question);
  t.is(outcome(judgement.decision), 'trusted');
  t.is(judgement.request.evidence.bundles.length, 1);
  t.is(judgement.request.evidence.simpleSignatures.length, 1);
  t.deepEqual(verifyImage(judgement.request), judgement.decision, 'nothing else went into it');
});

test('judgeImage() refuses what has nothing attached', async (t) => {
  const source = await signedSource(testKey(1), testClaim, 'b');
  const { decision } = await judgeImage(source, { ...question, digest: testDigest('c') });
  t.is(outcome(decision), 'UNSIGNED');
});

test('judgeImage() reads attestations only where they are required', async (t) => {
  const source = await signedSource(testKey(1));
  const { request: plain } = await judgeImage(source, question);
  t.is(plain.evidence.attestations, undefined);
  const policy = testPolicy({
    ...testRule('com.example.', 1, ['alice']),
    builders: testRule('x', 1, ['bob']).of,
  });
  const { request: asked, decision } = await judgeImage(source, { ...question, policy });
  t.deepEqual(asked.evidence.attestations, []);
  t.is(outcome(decision), 'ATTESTATION_MISSING');
});
