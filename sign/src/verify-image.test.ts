import { limits } from '@img/spec/limits';
import { parseRepositoryName } from '@img/spec/repository-name';
import { parseTag } from '@img/spec/tag';
import test from 'ava';
import fc from 'fast-check';
import { encodeBase64 } from './base64.ts';
import type { Decision } from './decision.ts';
import { parseIdentityId } from './identity.ts';
import { cosignVector } from './testing/cosign-vector.ts';
import { testClaim, testDigest, untaggedClaim } from './testing/test-claim.ts';
import { joined, signedEvidence } from './testing/test-evidence.ts';
import { testKey } from './testing/test-keys.ts';
import { testPolicy, testRule } from './testing/test-policy.ts';
import { outcome, request, twoOf } from './testing/test-request.ts';
import { mergeTrustDocuments } from './trust-policy.ts';
import { latestUnixTime, parseUnixTime } from './unix-time.ts';
import { verifyImage } from './verify-image.ts';

const [alice, bob, carol] = [testKey(1), testKey(2), testKey(3)];
const stranger = testKey(9);
const names = ({ signers }: Decision) => signers.map(({ identity }) => identity.name);

test('verifyImage() trusts an image that enough people have signed, and says who, which and until when', async (t) => {
  const evidence = joined(
    await signedEvidence(alice),
    await signedEvidence(bob),
    await signedEvidence(stranger),
  );
  const decision = verifyImage(request({ evidence, policy: twoOf }));
  t.true(decision.trusted);
  if (!decision.trusted) return;
  t.deepEqual(names(decision), ['Alice', 'Bob']);
  t.is(decision.rule.prefix as string, 'com.example.');
  t.is(decision.sequence, 41);
  t.is(decision.expires, testClaim.expires);
  t.is(decision.signers[0]?.key, alice.publicKey.fingerprint);
  t.deepEqual(decision.signers[0]?.statement, { ...testClaim, digest: testDigest('a') });
  t.deepEqual(
    decision.findings.map(({ encoding, index, code }) => [encoding, index, code] as unknown),
    [
      ['bundle', 0, 'COUNTED'],
      ['bundle', 1, 'COUNTED'],
      ['bundle', 2, 'UNKNOWN_KEY'],
      ['simple-signing', 0, 'REPEATED'],
      ['simple-signing', 1, 'REPEATED'],
      ['simple-signing', 2, 'UNKNOWN_KEY'],
    ],
  );
  t.is(
    decision.message,
    'com.example.app:1.0 is signed by Alice, Bob; required: 2 of alice, bob, carol for com.example.*',
  );
});

test('verifyImage() needs only one of both encodings', async (t) => {
  const evidence = await signedEvidence(alice);
  for (const part of [
    { ...evidence, bundles: [] },
    { ...evidence, simpleSignatures: [] },
  ]) {
    t.true(verifyImage(request({ evidence: part })).trusted);
  }
});

test('verifyImage() by digest counts statements about any tag of the repository, or none', async (t) => {
  const evidence = joined(
    await signedEvidence(alice, { tag: parseTag('2.0'), sequence: 7 }),
    await signedEvidence(bob, untaggedClaim),
  );
  const remembered = { sequence: 1000, digest: testDigest('b') };
  const decision = verifyImage(request({ tag: undefined, policy: twoOf, evidence, remembered }));
  t.true(decision.trusted);
  t.is(decision.trusted ? decision.sequence : 0, undefined, 'numbers belong to tags');
  const other = request({ tag: undefined, repository: parseRepositoryName('com.example.other'), evidence });
  t.is(outcome(verifyImage(other)), 'OTHER_REPOSITORY');
});

test('verifyImage() accepts what cosign signed for an image asked by digest, and not by tag', (t) => {
  const { publicKey, digest, evidence } = cosignVector;
  const cosign = { id: parseIdentityId('cosign'), name: 'Cosign', keys: [publicKey] };
  const document = { identities: [cosign], rules: [testRule('com.example.', 1, ['cosign'])] };
  const policy = mergeTrustDocuments([{ source: 'test', document }]);
  for (const part of [
    { ...evidence, bundles: [] },
    { ...evidence, simpleSignatures: [] },
  ]) {
    const asked = { policy, digest, evidence: part };
    t.is(outcome(verifyImage(request({ ...asked, tag: undefined }))), 'trusted');
    t.is(outcome(verifyImage(request(asked))), 'NO_TAG');
  }
  const moved = { policy, digest, tag: undefined, repository: parseRepositoryName('com.example.other') };
  t.is(
    outcome(verifyImage(request({ ...moved, evidence: { ...evidence, bundles: [] } }))),
    'OTHER_REPOSITORY',
  );
});

test('verifyImage() counts with a threshold the k-th highest number and the k-th latest end', async (t) => {
  const ends = ['2026-12-10T00:00:00Z', '2026-12-20T00:00:00Z', '2026-12-30T00:00:00Z'].map(parseUnixTime);
  const evidence = joined(
    await signedEvidence(alice, { sequence: 50, expires: ends[0] }),
    await signedEvidence(bob, { sequence: 41, expires: ends[1] }),
    await signedEvidence(carol, { sequence: 45, expires: ends[2] }),
  );
  for (const [require, sequence, expires] of [
    [1, 50, ends[2]],
    [2, 45, ends[1]],
    [3, 41, ends[0]],
  ] as const) {
    const policy = testPolicy(testRule('com.example.', require, ['alice', 'bob', 'carol']));
    const decision = verifyImage(request({ policy, evidence }));
    t.true(decision.trusted);
    if (!decision.trusted) return;
    t.is(decision.sequence, sequence);
    t.is(decision.expires, expires);
  }
});

test('verifyImage() takes the newest statement of each signer', async (t) => {
  const older = await signedEvidence(alice, { sequence: 3, expires: latestUnixTime });
  const newer = await signedEvidence(alice, { sequence: 5 });
  for (const evidence of [joined(older, newer), joined(newer, older)]) {
    const decision = verifyImage(request({ evidence }));
    t.is(decision.trusted ? decision.sequence : 0, 5);
  }
});

test('verifyImage() counts an identity with several keys once', async (t) => {
  const ids = [parseIdentityId('alice'), parseIdentityId('bob')];
  const identities = [
    { id: parseIdentityId('alice'), name: 'Alice', keys: [alice.publicKey, carol.publicKey] },
    { id: parseIdentityId('bob'), name: 'Bob', keys: [bob.publicKey] },
  ];
  const document = { identities, rules: [{ ...testRule('com.example.', 2, []), of: ids }] };
  const policy = mergeTrustDocuments([{ source: 'test', document }]);
  const both = joined(await signedEvidence(alice), await signedEvidence(carol));
  t.is(outcome(verifyImage(request({ policy, evidence: both }))), 'TOO_FEW_SIGNERS');
  t.true(verifyImage(request({ policy, evidence: joined(both, await signedEvidence(bob)) })).trusted);
});

test('verifyImage() accepts statements without a number until one with a number was seen', async (t) => {
  // What podman signs with a tag: no number, no end.
  const payload = Buffer.from(
    `{"critical":{"identity":{"docker-reference":"reg.example:5000/com.example.app:1.0"},"image":{"docker-manifest-digest":"${testDigest('a')}"},"type":"cosign container image signature"},"optional":{"creator":"podman","timestamp":1795305600}}`,
  );
  const signature = encodeBase64(await alice.sign(payload));
  const evidence = { bundles: [], simpleSignatures: [{ payload, signature }] };
  const decision = verifyImage(request({ evidence }));
  t.true(decision.trusted);
  t.is(decision.trusted ? decision.sequence : 0, undefined);
  t.is(decision.trusted ? decision.expires : 0, undefined);
  const remembered = { sequence: 1, digest: testDigest('a') };
  t.is(outcome(verifyImage(request({ evidence, remembered }))), 'ROLLBACK');
});

test('verifyImage() forgives a signer whose clock is a little ahead, and no more', async (t) => {
  const evidence = await signedEvidence(alice);
  const at = (text: string) => outcome(verifyImage(request({ evidence, now: parseUnixTime(text) })));
  t.is(at('2026-11-21T23:56:00Z'), 'trusted');
  t.is(at('2026-11-21T23:54:00Z'), 'NOT_YET_VALID');
  t.is(at('2026-12-21T23:59:59Z'), 'trusted');
  t.is(at('2026-12-22T00:00:00Z'), 'EXPIRED');
});

test('verifyImage() finds the good signature among the most that are looked at, and none beyond', async (t) => {
  const [good, bad] = [await signedEvidence(alice), await signedEvidence(stranger)];
  const flood = Array(limits.signaturesPerImage - 1).fill(bad);
  t.true(verifyImage(request({ evidence: joined(...flood, good) })).trusted);
  const decision = verifyImage(request({ evidence: joined(...flood, bad, good) }));
  t.is(outcome(decision), 'TOO_MANY_SIGNATURES');
  t.regex(
    decision.message,
    /: there are more signatures than the 64 that are looked at, and none of those counts$/,
  );
  t.true(decision.findings.some(({ code }) => code === 'OVER_LIMIT'));
  const half = verifyImage(request({ policy: twoOf, evidence: joined(good, ...flood, bad) }));
  t.is(outcome(half), 'TOO_FEW_SIGNERS');
  t.regex(half.message, /; there are more signatures than the 64 that are looked at$/);
});

test('verifyImage() decides whatever the evidence is, and never trusts what nobody signed', async (t) => {
  const evidence = await signedEvidence(alice);
  const text = Buffer.from(evidence.bundles[0] ?? []).toString();
  const payloadText = Buffer.from(evidence.simpleSignatures[0]?.payload ?? []).toString();
  const signature = evidence.simpleSignatures[0]?.signature ?? '';
  const edit = fc.tuple(fc.nat(text.length - 1), fc.nat(10), fc.string({ maxLength: 3 }));
  const edited = (original: string, [at, cut, added]: [number, number, string]) =>
    original.slice(0, at) + added + original.slice(at + cut);
  fc.assert(
    fc.property(edit, edit, fc.constantFrom(signature, '', 'AAAA'), (a, b, otherSignature) => {
      const payload = edited(payloadText, b);
      const changed = payload !== payloadText || otherSignature !== signature;
      const decision = verifyImage(
        request({
          evidence: {
            bundles: [Buffer.from(edited(text, a))],
            simpleSignatures: changed ? [{ payload: Buffer.from(payload), signature: otherSignature }] : [],
          },
        }),
      );
      // Outside of the envelope a bundle may change; what is signed may not.
      return decision.signers.every(
        ({ statement }) => statement.digest === testDigest('a') && statement.sequence === 41,
      );
    }),
  );
  t.pass();
});
