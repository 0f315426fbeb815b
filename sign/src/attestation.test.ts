import type { Descriptor } from '@img/spec/descriptor';
import test from 'ava';
import { parseAttestation, parsePredicate, signAttestation } from './attestation.ts';
import { bundleMediaType, parseBundle } from './bundle.ts';
import type { Evidence } from './evidence.ts';
import {
  type PredicateType,
  parsePredicateTypes,
  predicateTypeFor,
  provenanceType,
} from './predicate-type.ts';
import { wantedPredicateTypes } from './required-attestation.ts';
import type { Signer } from './signer.ts';
import { testClaim, testImage } from './testing/test-claim.ts';
import { signedEvidence } from './testing/test-evidence.ts';
import { p256Key, testKey } from './testing/test-keys.ts';
import { testDocument, testIdentity, testPolicy, testRule } from './testing/test-policy.ts';
import { outcome, request } from './testing/test-request.ts';
import { mergeTrustDocuments } from './trust-policy.ts';
import { verifyImage } from './verify-image.ts';

const [alice, builder, stranger] = [testKey(1), testKey(4), testKey(9)];
const utf8 = (text: string) => new TextEncoder().encode(text);
const predicate = utf8('{"buildDefinition": {"n": 1.50}}');

async function attested(
  signer: Signer,
  change: { readonly subject?: Descriptor; readonly predicateType?: PredicateType } = {},
): Promise<Uint8Array> {
  const { blobs } = await signAttestation(signer, {
    subject: testImage('a'),
    name: 'reg.example/com.example.app',
    predicateType: provenanceType,
    predicate,
    created: testClaim.issued,
    ...change,
  });
  return blobs.find(({ descriptor }) => descriptor.mediaType === bundleMediaType)?.bytes ?? new Uint8Array();
}

const builtRule = { ...testRule('com.example.', 1, ['alice']), builders: [testIdentity('dave').id] };
const built = testPolicy(builtRule);
const vuln = parsePredicateTypes('vuln')[0] as PredicateType;

async function decide(attestations: readonly Uint8Array[], change: object = {}) {
  const evidence: Evidence = { ...(await signedEvidence(alice)), attestations };
  return verifyImage(request({ policy: built, evidence, ...change }));
}

test('signAttestation() writes what parseAttestation() reads, the predicate byte for byte', async (t) => {
  const { envelope } = parseBundle(await attested(builder));
  const text = new TextDecoder().decode(envelope.payload);
  t.true(text.endsWith(`,"predicate":${new TextDecoder().decode(predicate)}}`));
  t.deepEqual(parseAttestation(envelope.payload), {
    predicateType: provenanceType,
    digests: [testImage('a').digest],
  });
  t.deepEqual(parsePredicate(predicate), { buildDefinition: { n: 1.5 } });
});

test('verifyImage() trusts what a signer signed and a builder attested', async (t) => {
  const decision = await decide([await attested(builder)]);
  t.is(outcome(decision), 'trusted', decision.message);
  t.like(decision.attestations, [{ code: 'COUNTED', predicateType: provenanceType }]);
});

// What somebody without the builder's key, or with it alone, could try.
const refused: readonly [code: string, make: () => Promise<readonly Uint8Array[]>, reason: string][] = [
  ['ATTESTATION_MISSING', async () => [], 'nothing is attested'],
  ['ATTESTATION_MISSING', async () => [await attested(stranger)], 'a stranger attests it'],
  ['ATTESTATION_MISSING', async () => [await attested(alice)], 'a signer who is no builder attests it'],
  [
    'ATTESTATION_MISSING',
    async () => [await attested(builder, { subject: testImage('b') })],
    'it is of another image',
  ],
  [
    'ATTESTATION_MISSING',
    async () => [await attested(builder, { predicateType: vuln })],
    'it says something else',
  ],
  [
    'ATTESTATION_MISSING',
    async () => {
      const text = new TextDecoder().decode(await attested(builder));
      return [utf8(text.replace(/"payload":"..../, '"payload":"AAAA'))];
    },
    'a byte of it was changed',
  ],
  ['ATTESTATION_MISSING', async () => [utf8('{}')], 'it is none'],
  ['ATTESTATION_MISSING', async () => (await signedEvidence(builder)).bundles, 'it is a signature'],
];

for (const [code, make, reason] of refused) {
  test(`verifyImage() refuses an image that a builder must have built if ${reason}`, async (t) => {
    const decision = await decide(await make());
    t.is(outcome(decision), code);
    t.regex(decision.message, /: nobody of dave has attested its provenance/);
  });
}

test('verifyImage() lets a revoked builder attest nothing', async (t) => {
  const document = { ...testDocument(builtRule), revoked: [builder.publicKey.fingerprint] };
  const policy = mergeTrustDocuments([{ source: 'test', document }]);
  const decision = await decide([await attested(builder)], { policy });
  t.is(outcome(decision), 'ATTESTATION_MISSING');
  t.regex(decision.message, /; Dave's key is revoked by test$/);
});

test('verifyImage() requires what the asker requires, of those who may sign', async (t) => {
  const policy = testPolicy(testRule('com.example.', 1, ['alice']));
  const required = [{ name: 'sbom', types: parsePredicateTypes('sbom') }];
  const [, cyclonedx] = parsePredicateTypes('sbom');
  const by = async (signer: Signer) => [
    await attested(signer, { predicateType: cyclonedx as PredicateType }),
  ];
  t.is(outcome(await decide(await by(alice), { policy, required })), 'trusted');
  t.is(outcome(await decide(await by(builder), { policy, required })), 'ATTESTATION_MISSING');
  t.is(outcome(await decide([], { policy, required })), 'ATTESTATION_MISSING');
  t.is(
    outcome(await decide(await by(builder), { policy: built, required })),
    'ATTESTATION_MISSING',
    'provenance too',
  );
});

test('wantedPredicateTypes() asks for provenance where the rule has builders', (t) => {
  t.deepEqual(wantedPredicateTypes(built, testClaim.repository), [provenanceType]);
  t.deepEqual(wantedPredicateTypes(testPolicy(), testClaim.repository), []);
});

test('parsePredicateTypes() knows short names and URIs, and never the type of signatures', (t) => {
  t.deepEqual(parsePredicateTypes('sbom') as readonly string[], [
    'https://spdx.dev/Document',
    'https://cyclonedx.org/bom',
  ]);
  t.deepEqual(parsePredicateTypes('urn:example:test') as readonly string[], ['urn:example:test']);
  for (const text of ['', 'sboms', 'https://a b', 'https://sigstore.dev/cosign/sign/v1']) {
    t.throws(() => parsePredicateTypes(text), { code: 'STATEMENT_INVALID' }, text);
  }
});

test('verifyImage() takes no attestation for a signature, whoever made it', async (t) => {
  for (const [signer, code, message] of [
    [alice, 'OTHER_PREDICATE', /: what Alice has signed about it is of another kind, and no signature$/],
    [stranger, 'UNTRUSTED_KEY', /: it is signed, but by no key that is trusted here$/],
  ] as const) {
    const evidence: Evidence = { simpleSignatures: [], bundles: [await attested(signer)] };
    const decision = verifyImage(request({ evidence }));
    t.is(outcome(decision), code);
    t.regex(decision.message, message);
  }
});

test('signAttestation() can not be made to sign an image', async (t) => {
  const predicateType = 'https://sigstore.dev/cosign/sign/v1' as PredicateType;
  await t.throwsAsync(attested(alice, { predicateType }), {
    code: 'STATEMENT_INVALID',
    message: /type of signatures/,
  });
});

test('signAttestation() refuses keys that only verify', async (t) => {
  await t.throwsAsync(attested(p256Key().key), { code: 'KEY_UNSUPPORTED' });
});

test('predicateTypeFor() sees which kind of SBOM it is', (t) => {
  t.is(predicateTypeFor('sbom', { spdxVersion: 'SPDX-2.3' }) as string, 'https://spdx.dev/Document');
  t.is(predicateTypeFor('sbom', { bomFormat: 'CycloneDX' }) as string, 'https://cyclonedx.org/bom');
  t.is(predicateTypeFor('spdx', {}) as string, 'https://spdx.dev/Document');
  t.throws(() => predicateTypeFor('sbom', {}), { message: /neither SPDX nor CycloneDX/ });
});

for (const [text, reason] of [
  ['[]', 'a list'],
  ['1', 'a number'],
  ['{"a":1,"a":2}', 'a key twice'],
  ['{', 'no JSON'],
  ['{},"subject":[]', 'something after the object'],
  ['{"_type":"https://in-toto.io/Statement/v1","predicateType":"x"}', 'a whole statement'],
] as const) {
  test(`parsePredicate() refuses ${reason}`, (t) => {
    t.throws(() => parsePredicate(utf8(text)), { code: 'STATEMENT_INVALID' });
  });
}
