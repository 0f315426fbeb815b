import { bundleManifest, bundleMediaType, parseBundle } from '@img/sign/bundle';
import { preAuthEncoding } from '@img/sign/dsse';
import { maxSignaturesRead } from '@img/sign/evidence';
import { signatureLayer, signatureTag, simpleSigningMediaType } from '@img/sign/signature-manifest';
import { isSshSignature } from '@img/sign/ssh-signature';
import { testDigest } from '@img/sign/testing/test-claim';
import { testKey } from '@img/sign/testing/test-keys';
import { unixTime } from '@img/sign/unix-time';
import { limits } from '@img/spec/limits';
import { encodeManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import test, { type ExecutionContext } from 'ava';
import type { RegistryRepository } from '../client/registry-repository.ts';
import { contentOf, emptyConfig, type TestContent, testImage, testReferrer } from '../testing/content.ts';
import { onRoute, truncatedBody, wrongDigest } from '../testing/misbehaviours.ts';
import type { RegistryDouble } from '../testing/registry-double.ts';
import { signedSource } from '../testing/signed-source.ts';
import { app, clientOf, startDouble } from '../testing/start-double.ts';
import { collectEvidence } from './collect-evidence.ts';

const image = testImage(['layer']).manifest;
const { digest } = image.descriptor;

async function setUp(t: ExecutionContext): Promise<{ double: RegistryDouble; source: RegistryRepository }> {
  const double = await startDouble(t);
  double.addManifest(app, image.bytes, mediaTypes.ociManifest, '1.0');
  return { double, source: clientOf(t, double).repository(app, 'pull') };
}

function addBundle(
  double: RegistryDouble,
  bundle: TestContent,
  artifactType: string = bundleMediaType,
): TestContent {
  const referrer = testReferrer(image.descriptor, bundle, artifactType);
  double.addBlob(bundle.bytes);
  double.addManifest(app, referrer.bytes, mediaTypes.ociManifest);
  return referrer;
}

function addSignatures(double: RegistryDouble, payloads: readonly TestContent[]): void {
  const layers = payloads.map(({ descriptor }, position) => {
    return signatureLayer({ payload: descriptor, signature: `c2ln${position}`, keyHint: 'SHA256:key' });
  });
  const bytes = encodeManifest({
    kind: 'manifest',
    mediaType: mediaTypes.ociManifest,
    artifactType: undefined,
    config: emptyConfig.descriptor,
    layers,
    subject: undefined,
    annotations: {},
  });
  double.addManifest(app, bytes, mediaTypes.ociManifest, signatureTag(digest));
}

const payload = (text: string) => contentOf(text, simpleSigningMediaType);
const bundle = (text: string) => contentOf(text, bundleMediaType);
const nothing = { simpleSignatures: [], bundles: [] };

test('collectEvidence() of an unsigned image is empty', async (t) => {
  const { source } = await setUp(t);
  t.deepEqual(await collectEvidence(source, digest), nothing);
});

test('collectEvidence() finds both encodings, in order', async (t) => {
  const { double, source } = await setUp(t);
  addSignatures(double, [payload('one'), payload('two')]);
  for (const { bytes } of [payload('one'), payload('two')]) double.addBlob(bytes);
  addBundle(double, bundle('{"a":1}'));
  addBundle(double, bundle('{"b":1}'));
  const { simpleSignatures, bundles } = await collectEvidence(source, digest);
  t.deepEqual(
    simpleSignatures.map(({ payload: bytes, signature, keyHint }) => [
      String(Buffer.from(bytes)),
      signature,
      keyHint,
    ]),
    [
      ['one', 'c2ln0', 'SHA256:key'],
      ['two', 'c2ln1', 'SHA256:key'],
    ],
  );
  t.deepEqual(bundles.map((bytes) => String(Buffer.from(bytes))).toSorted(), ['{"a":1}', '{"b":1}']);
});

test('collectEvidence() keeps the signatures for ssh-keygen beside those that they came with', async (t) => {
  const { publicKey } = testKey(1);
  const place = await signedSource(testKey(1));
  const { simpleSignatures, bundles, sshSignatures } = await collectEvidence(place, testDigest('a'));
  const [simple] = simpleSignatures;
  t.true(isSshSignature(simple?.sshSignature ?? '', publicKey, simple?.payload ?? new Uint8Array()));
  const { envelope } = parseBundle(bundles[0] ?? new Uint8Array());
  const signedBytes = preAuthEncoding(envelope.payloadType, envelope.payload);
  t.true(isSshSignature(sshSignatures?.[0] ?? '', publicKey, signedBytes));
});

test('collectEvidence() finds bundles where a registry has no referrers API', async (t) => {
  const { double } = await setUp(t);
  double.hasReferrersApi = false;
  const repository = clientOf(t, double).repository(app, 'push');
  const content = bundle('{"a":1}');
  double.addBlob(content.bytes);
  await repository.putManifest(testReferrer(image.descriptor, content, bundleMediaType));
  t.is((await collectEvidence(repository, digest)).bundles.length, 1);
});

test('collectEvidence() passes over referrers that are no manifests it knows', async (t) => {
  const { double, source } = await setUp(t);
  const old = { ...contentOf('{}').descriptor, mediaType: 'application/vnd.oci.artifact.manifest.v1+json' };
  const manifests = [{ ...old, artifactType: bundleMediaType }];
  double.misbehave(
    onRoute('referrers', ({ response }) => {
      response.writeHead(200, { 'content-type': mediaTypes.ociIndex });
      response.end(JSON.stringify({ schemaVersion: 2, manifests }));
      return true;
    }),
  );
  t.deepEqual(await collectEvidence(source, digest), nothing);
});

test('collectEvidence() passes over referrers of another type', async (t) => {
  const { double, source } = await setUp(t);
  addBundle(double, contentOf('{}', 'application/spdx+json'), 'application/spdx+json');
  t.deepEqual(await collectEvidence(source, digest), nothing);
});

test('collectEvidence() passes over what is only said to be a referrer', async (t) => {
  const { double, source } = await setUp(t);
  const other = testReferrer(testImage(['other']).manifest.descriptor, bundle('{}'), bundleMediaType);
  double.addBlob(bundle('{}').bytes);
  double.addManifest(app, other.bytes, mediaTypes.ociManifest);
  const manifests = [{ ...other.descriptor, artifactType: bundleMediaType }];
  double.misbehave(
    onRoute('referrers', ({ response }) => {
      response.writeHead(200, { 'content-type': mediaTypes.ociIndex });
      response.end(JSON.stringify({ schemaVersion: 2, manifests }));
      return true;
    }),
  );
  t.deepEqual(await collectEvidence(source, digest), nothing);
});

test('collectEvidence() passes over what is missing and what is too long', async (t) => {
  const { double, source } = await setUp(t);
  const missing = addBundle(double, bundle('{"missing":1}'));
  double.blobs.delete(bundle('{"missing":1}').descriptor.digest);
  addBundle(double, bundle(JSON.stringify('x'.repeat(limits.signatureBytes))));
  addBundle(double, bundle('{"a":1}'));
  addSignatures(double, [payload('absent')]);
  const { simpleSignatures, bundles } = await collectEvidence(source, digest);
  t.deepEqual(simpleSignatures, []);
  t.deepEqual(
    bundles.map((bytes) => String(Buffer.from(bytes))),
    ['{"a":1}'],
  );
  double.manifests.delete(`${app}@${missing.descriptor.digest}`);
  t.is((await collectEvidence(source, digest)).bundles.length, 1);
});

test('collectEvidence() reads so many signatures and no more', async (t) => {
  const { double, source } = await setUp(t);
  const count = limits.signaturesPerImage + 5;
  for (let number = 0; number < count; number += 1) addBundle(double, bundle(`{"n":${number}}`));
  const payloads = Array.from({ length: count }, (_, number) => payload(`payload ${number}`));
  for (const { bytes } of payloads) double.addBlob(bytes);
  addSignatures(double, payloads);
  const { simpleSignatures, bundles } = await collectEvidence(source, digest);
  t.is(simpleSignatures.length, maxSignaturesRead);
  t.is(bundles.length, maxSignaturesRead);
});

test('collectEvidence() fails where a signature is not what its digest says', async (t) => {
  const { double, source } = await setUp(t);
  const content = bundle('{"a":1}');
  addBundle(double, content);
  double.misbehave(wrongDigest(double, content.descriptor.digest));
  const error = await t.throwsAsync(collectEvidence(source, digest), { code: 'DIGEST_MISMATCH' });
  t.true(error?.message.includes(`blob ${content.descriptor.digest} of ${double.host}/${app}`));
});

test('collectEvidence() fails where a signature does not arrive', async (t) => {
  const { double, source } = await setUp(t);
  const content = bundle('{"a":1}');
  addBundle(double, content);
  double.misbehave(truncatedBody(double, content.descriptor.digest));
  await t.throwsAsync(collectEvidence(source, digest), { code: 'ANSWER_TRUNCATED' });
});

const provenance = 'https://slsa.dev/provenance/v1';

/** Attaches a bundle as an attestation, whatever is in it. */
function addAttestation(double: RegistryDouble, text: string, predicateType: string): void {
  const bundle = contentOf(text, bundleMediaType);
  const { bytes } = bundleManifest(bundle, image.descriptor, { created: unixTime(0), predicateType });
  double.addBlob(bundle.bytes);
  double.addManifest(app, bytes, mediaTypes.ociManifest);
}

test('collectEvidence() reads the attestations that are asked for, and only those', async (t) => {
  const { double, source } = await setUp(t);
  addAttestation(double, 'of provenance', provenance);
  addAttestation(double, 'of an SBOM', 'https://spdx.dev/Document');
  const { attestations } = await collectEvidence(source, digest, { predicateTypes: [provenance] });
  t.deepEqual(
    attestations?.map((bytes) => Buffer.from(bytes).toString()),
    ['of provenance'],
  );
  t.is((await collectEvidence(source, digest)).attestations, undefined);
});

test('collectEvidence() reads no more attestations of a type than are looked at', async (t) => {
  const { double, source } = await setUp(t);
  for (let number = 0; number < limits.attestationsPerType + 3; number += 1) {
    addAttestation(double, `number ${number}`, provenance);
  }
  const { attestations } = await collectEvidence(source, digest, { predicateTypes: [provenance] });
  t.is(attestations?.length, limits.attestationsPerType);
});

test('collectEvidence() finds a signature behind any number of attestations', async (t) => {
  const { double, source } = await setUp(t);
  for (let number = 0; number < limits.signaturesPerImage + 3; number += 1) {
    addAttestation(double, `number ${number}`, provenance);
  }
  addBundle(double, contentOf('the signature', bundleMediaType));
  const { bundles } = await collectEvidence(source, digest);
  t.deepEqual(
    bundles.map((bytes) => Buffer.from(bytes).toString()),
    ['the signature'],
  );
});
