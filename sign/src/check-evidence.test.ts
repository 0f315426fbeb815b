import { limits } from '@img/spec/limits';
import test from 'ava';
import { encodeBase64 } from './base64.ts';
import { encodeBundle, parseBundle } from './bundle.ts';
import { checkEvidence, statementsBy } from './check-evidence.ts';
import { preAuthEncoding } from './dsse.ts';
import type { Evidence } from './evidence.ts';
import { encodeInToto, inTotoPayloadType } from './in-toto.ts';
import type { PrivateKey } from './private-key.ts';
import type { PublicKey } from './public-key.ts';
import { cosignVector } from './testing/cosign-vector.ts';
import { testClaim, testDigest } from './testing/test-claim.ts';
import { joined, noEvidence, signedEvidence } from './testing/test-evidence.ts';
import { testKey } from './testing/test-keys.ts';

const [alice, bob] = [testKey(1), testKey(2)];
const keys = [alice.publicKey, bob.publicKey];
const all = { known: keys, tried: keys };
const problems = (evidence: Evidence, known: readonly PublicKey[] = keys) =>
  checkEvidence(evidence, { known, tried: known }).map(
    ({ encoding, problem }) => `${encoding} ${problem ?? 'good'}`,
  );
const statement = { ...testClaim, digest: testDigest('a') };

async function bundleOf(key: PrivateKey, payload: Uint8Array, change = {}): Promise<Uint8Array> {
  const payloadType = inTotoPayloadType;
  const signature = await key.sign(preAuthEncoding(payloadType, payload));
  return encodeBundle({ payloadType, payload, signature, keyId: key.publicKey.fingerprint, ...change });
}

test('checkEvidence() finds key and statement in both encodings', async (t) => {
  const checked = checkEvidence(joined(await signedEvidence(alice), await signedEvidence(bob)), all);
  t.deepEqual(
    checked.map(({ encoding, index, key }) => [encoding, index, key]),
    [
      ['bundle', 0, alice.publicKey],
      ['bundle', 1, bob.publicKey],
      ['simple-signing', 0, alice.publicKey],
      ['simple-signing', 1, bob.publicKey],
    ],
  );
  for (const piece of checked) t.deepEqual(piece.statement, statement);
});

test('checkEvidence() does not know keys that it was not given', async (t) => {
  const evidence = await signedEvidence(testKey(3));
  t.deepEqual(problems(evidence), ['bundle UNKNOWN_KEY', 'simple-signing UNKNOWN_KEY']);
  t.deepEqual(problems(evidence, []), ['bundle UNKNOWN_KEY', 'simple-signing UNKNOWN_KEY']);
});

test('checkEvidence() sees that a signed byte was changed', async (t) => {
  const { bundles, simpleSignatures } = await signedEvidence(alice);
  const { envelope } = parseBundle(bundles[0] ?? new Uint8Array());
  const other = await signedEvidence(alice, {}, 'b');
  const evidence: Evidence = {
    bundles: [encodeBundle({ ...envelope, payload: encodeInToto(testClaim, testDigest('b')) })],
    simpleSignatures: simpleSignatures.map((simple, at) => {
      return { ...simple, payload: other.simpleSignatures[at]?.payload ?? new Uint8Array() };
    }),
  };
  t.deepEqual(problems(evidence), ['bundle SIGNATURE_INVALID', 'simple-signing SIGNATURE_INVALID']);
  const unnamed = evidence.simpleSignatures.map((simple) => ({ ...simple, keyHint: undefined }));
  t.deepEqual(problems({ bundles: [], simpleSignatures: unnamed }), ['simple-signing UNKNOWN_KEY']);
});

test('checkEvidence() believes the signature, not the hint', async (t) => {
  const payload = encodeInToto(testClaim, testDigest('a'));
  const byBob = await bundleOf(bob, payload, { keyId: alice.publicKey.fingerprint });
  const [checked] = checkEvidence({ ...noEvidence, bundles: [byBob] }, all);
  t.is(checked?.problem, 'SIGNATURE_INVALID');
  t.is(checked?.key, alice.publicKey);
  t.is(checked?.statement, undefined);
});

test('checkEvidence() tries keys where a signature names none', async (t) => {
  const bundles = [await bundleOf(bob, encodeInToto(testClaim, testDigest('a')), { keyId: '' })];
  const simpleSignatures = (await signedEvidence(bob)).simpleSignatures.map((simple) => {
    return { ...simple, keyHint: undefined };
  });
  for (const { key } of checkEvidence({ bundles, simpleSignatures }, all)) t.is(key, bob.publicKey);
  const [bundle, simple] = checkEvidence({ bundles, simpleSignatures }, { known: keys, tried: [] });
  t.is(bundle?.problem, 'UNKNOWN_KEY');
  t.is(simple?.problem, 'UNKNOWN_KEY');
});

test('checkEvidence() reads signatures that cosign made', (t) => {
  const { publicKey, digest, evidence } = cosignVector;
  const known = [alice.publicKey, publicKey];
  const [bundle, simple] = checkEvidence(evidence, { known, tried: known });
  t.is(bundle?.key, publicKey);
  t.is(simple?.key, publicKey);
  t.is(bundle?.statement?.digest, digest);
  t.is(bundle?.statement?.repository, undefined, 'a bundle of cosign names no repository');
  t.is(simple?.statement?.digest, digest);
  t.is(simple?.statement?.repository, testClaim.repository);
  t.is(simple?.statement?.tag, undefined, 'and its simple signature no tag');
});

test('checkEvidence() does not take an SBOM for a signature', async (t) => {
  const sbom = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"${'a'.repeat(64)}"}}],"predicateType":"https://spdx.dev/Document","predicate":{}}`;
  const payload = Buffer.from(sbom);
  const otherType = { payloadType: 'application/json', payload: encodeInToto(testClaim, testDigest('a')) };
  const signature = await alice.sign(preAuthEncoding(otherType.payloadType, otherType.payload));
  const bundles = [
    await bundleOf(alice, payload),
    encodeBundle({ ...otherType, signature, keyId: alice.publicKey.fingerprint }),
  ];
  t.deepEqual(problems({ ...noEvidence, bundles }), ['bundle OTHER_PREDICATE', 'bundle OTHER_PREDICATE']);
});

test('checkEvidence() refuses what is malformed, also when a known key signed it', async (t) => {
  const notStrict = Buffer.from('{"critical":{},"optional":{},"more":1}');
  const evidence: Evidence = {
    bundles: [new Uint8Array(), Buffer.from('{}'), await bundleOf(alice, Buffer.from('{}'))],
    simpleSignatures: [
      { payload: new Uint8Array(), signature: 'not base64' },
      { payload: new Uint8Array(limits.signatureBytes + 1), signature: '' },
      { payload: notStrict, signature: encodeBase64(await alice.sign(notStrict)) },
    ],
  };
  const malformed = ['bundle', 'bundle', 'bundle', 'simple-signing', 'simple-signing', 'simple-signing'];
  t.deepEqual(
    problems(evidence),
    malformed.map((encoding) => `${encoding} MALFORMED`),
  );
});

test('checkEvidence() looks at no more than the limit, and says so', async (t) => {
  const evidence = await signedEvidence(alice);
  const many = joined(...Array(limits.signaturesPerImage + 10).fill(evidence));
  const checked = checkEvidence(many, all);
  t.is(checked.length, 2 * (limits.signaturesPerImage + 1));
  const over = checked.filter(({ problem }) => problem === 'OVER_LIMIT');
  t.deepEqual(
    over.map(({ encoding, index }) => [encoding, index]),
    [
      ['bundle', limits.signaturesPerImage],
      ['simple-signing', limits.signaturesPerImage],
    ],
  );
});

test('statementsBy() gives the statements of these keys and no others', async (t) => {
  const evidence = joined(await signedEvidence(alice), await signedEvidence(bob, { sequence: 50 }));
  t.deepEqual(statementsBy([alice.publicKey], evidence), [statement, statement]);
});
