import { digestHex, digestOf } from '@img/spec/digest';
import test from 'ava';
import { parseAttestation, signAttestation } from './attestation.ts';
import { parseBundle } from './bundle.ts';
import { checkEvidence } from './check-evidence.ts';
import type { TrustedDecision } from './decision.ts';
import { verificationSummaryType } from './predicate-type.ts';
import { testClaim, testDigest, testImage } from './testing/test-claim.ts';
import { joined, signedEvidence } from './testing/test-evidence.ts';
import { testKey } from './testing/test-keys.ts';
import { request, twoOf } from './testing/test-request.ts';
import { encodeVerificationSummary } from './verification-summary.ts';
import { verifyImage } from './verify-image.ts';

const about = {
  verifier: 'https://registry.example.com',
  resource: 'pkg:oci/app@sha256%3Aaa?tag=1.0',
  policy: { uri: 'https://registry.example.com/rule', digest: testDigest('e') },
};

async function decided() {
  const others = await signedEvidence(testKey(4));
  const counted = [await signedEvidence(testKey(1)), await signedEvidence(testKey(2))];
  const asked = request({ policy: twoOf, evidence: joined(others, ...counted) });
  return { asked, counted, decision: verifyImage(asked) as TrustedDecision };
}

test('encodeVerificationSummary() names the rule and the signatures that counted, and no other', async (t) => {
  const { asked, counted, decision } = await decided();
  const predicate = JSON.parse(Buffer.from(encodeVerificationSummary(about, asked, decision)).toString());
  t.deepEqual(predicate, {
    verifier: { id: about.verifier },
    timeVerified: '2026-12-01T00:00:00Z',
    resourceUri: about.resource,
    policy: {
      uri: about.policy.uri,
      digest: { sha256: 'e'.repeat(64) },
      annotations: { rule: '2 of alice, bob, carol for com.example.*' },
    },
    inputAttestations: counted.map(({ bundles: [bundle] }, index) => ({
      digest: { sha256: digestHex(digestOf(bundle as Uint8Array)) },
      annotations: { key: testKey(index + 1).publicKey.fingerprint },
    })),
    verificationResult: 'PASSED',
    verifiedLevels: ['IMG_TAG_ADMITTED'],
    slsaVersion: '1.0',
  });
});

test('a signed summary is an attestation of its image, and no signature of it', async (t) => {
  const { asked, decision } = await decided();
  const signer = testKey(1);
  const { blobs } = await signAttestation(signer, {
    subject: testImage('a'),
    name: 'com.example.app',
    predicateType: verificationSummaryType,
    predicate: encodeVerificationSummary(about, asked, decision),
    created: testClaim.issued,
  });
  const bundle = blobs[1]?.bytes as Uint8Array;
  const { payload } = parseBundle(bundle).envelope;
  t.deepEqual(parseAttestation(payload), {
    predicateType: verificationSummaryType,
    digests: [testDigest('a')],
  });
  const keys = [signer.publicKey];
  const [found] = checkEvidence({ bundles: [bundle], simpleSignatures: [] }, { known: keys, tried: keys });
  t.is(found?.problem, 'OTHER_PREDICATE');
});
