import { encodeManifest, type Manifest, parseImageManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import test from 'ava';
import { bundleMediaType, parseBundle } from './bundle.ts';
import { parseInToto } from './in-toto.ts';
import { SignError } from './sign-error.ts';
import { manifestsToSign, type SignedImages, signImages } from './sign-image.ts';
import { signatureLayers, signatureTag, simpleSigningMediaType } from './signature-manifest.ts';
import { parseSimpleSigning } from './simple-signing.ts';
import { testClaim, testDigest, testImage, untaggedClaim } from './testing/test-claim.ts';
import { p256Key, testKey } from './testing/test-keys.ts';

const alice = testKey(1);
const image = (digit: string, existingSignatures?: Uint8Array) => ({
  descriptor: testImage(digit),
  existingSignatures,
});
const taggedIn = (signed: SignedImages) => signed.manifests.find(({ tag }) => tag !== undefined);

test('signImages() says the same in both encodings, and both name all that has to be stored', async (t) => {
  const { blobs, manifests } = await signImages(alice, testClaim, [image('a')]);
  const [simple, referrer] = manifests;
  t.is(manifests.length, 2);
  t.is(simple?.tag, signatureTag(testDigest('a')));
  t.is(simple?.subject, undefined);
  t.is(referrer?.tag, undefined);
  t.deepEqual(referrer?.subject, testImage('a'));
  const stored = new Map<string, Uint8Array>(
    blobs.map(({ descriptor, bytes }) => [descriptor.digest, bytes]),
  );
  for (const manifest of manifests) {
    const { config, layers } = parseImageManifest(manifest.bytes);
    for (const { digest, size } of [config, ...layers]) t.is(stored.get(digest)?.byteLength, size);
  }
  const blob = (mediaType: string) =>
    blobs.find(({ descriptor }) => descriptor.mediaType === mediaType)?.bytes ?? new Uint8Array();
  const { envelope } = parseBundle(blob(bundleMediaType));
  const statement = { ...testClaim, digest: testDigest('a') };
  t.deepEqual(parseSimpleSigning(blob(simpleSigningMediaType)), statement);
  t.deepEqual(parseInToto(envelope.payload), statement);
});

test('signImages() gives the same bytes for the same inputs', async (t) => {
  const images = [image('a'), image('b')];
  t.deepEqual(await signImages(alice, testClaim, images), await signImages(alice, testClaim, images));
});

test('signImages() signs an index and its children, and stores shared blobs once', async (t) => {
  const index: Manifest = {
    kind: 'index',
    mediaType: mediaTypes.ociIndex,
    artifactType: undefined,
    manifests: [testImage('b'), testImage('c')],
    subject: undefined,
    annotations: {},
  };
  const descriptors = manifestsToSign(testImage('a'), index);
  t.deepEqual(descriptors, [testImage('a'), testImage('b'), testImage('c')]);
  const { blobs, manifests } = await signImages(alice, testClaim, [image('a'), image('b'), image('c')]);
  t.is(manifests.length, 6);
  t.is(new Set(blobs.map(({ descriptor }) => descriptor.digest)).size, blobs.length);
});

test('manifestsToSign() of one image is that image', (t) => {
  const manifest: Manifest = {
    kind: 'manifest',
    mediaType: mediaTypes.ociManifest,
    artifactType: undefined,
    config: testImage('c'),
    layers: [testImage('d')],
    subject: undefined,
    annotations: {},
  };
  t.deepEqual(manifestsToSign(testImage('a'), manifest), [testImage('a')]);
});

test('signImages() adds to the signatures that are there', async (t) => {
  const first = taggedIn(await signImages(alice, testClaim, [image('a')]));
  const second = taggedIn(await signImages(testKey(2), testClaim, [image('a', first?.bytes)]));
  const layers = signatureLayers(parseImageManifest(second?.bytes ?? new Uint8Array()));
  t.is(layers.length, 2);
  t.deepEqual(layers[0], signatureLayers(parseImageManifest(first?.bytes ?? new Uint8Array()))[0]);
});

test('signImages() does not store the same signature twice', async (t) => {
  const first = taggedIn(await signImages(alice, testClaim, [image('a')]));
  const again = await signImages(alice, testClaim, [image('a', first?.bytes)]);
  t.is(taggedIn(again), undefined);
  t.is(again.manifests.length, 1, 'the referrer has its digest for a name: storing it again changes nothing');
});

test('signImages() signs a digest without a tag', async (t) => {
  const { blobs } = await signImages(alice, untaggedClaim, [image('a')]);
  const payload = blobs.find(({ descriptor }) => descriptor.mediaType === simpleSigningMediaType);
  t.is(parseSimpleSigning(payload?.bytes ?? new Uint8Array()).tag, undefined);
});

test('signImages() refuses statements that no verifier would understand', async (t) => {
  for (const [change, reason] of [
    [{ sequence: undefined }, 'a tag without a number'],
    [{ tag: undefined }, 'a number without a tag'],
    [{ sequence: 0 }, 'number 0'],
    [{ expires: testClaim.issued }, 'over before it begins'],
  ] as const) {
    const signing = signImages(alice, { ...testClaim, ...change }, [image('a')]);
    await t.throwsAsync(signing, { instanceOf: SignError, code: 'STATEMENT_INVALID' }, reason);
  }
});

test('signImages() refuses signers whose signatures do not verify', async (t) => {
  const { key } = p256Key();
  await t.throwsAsync(signImages(key, testClaim, [image('a')]), { code: 'KEY_UNSUPPORTED' });
  const { publicKey } = alice;
  for (const [sign, reason] of [
    [(bytes: Uint8Array) => testKey(2).sign(bytes), 'by another key'],
    [async () => new Uint8Array(64), 'no signature'],
    [async (bytes: Uint8Array) => (await alice.sign(bytes)).subarray(1), 'cut off'],
  ] as const) {
    const signing = signImages({ publicKey, sign }, testClaim, [image('a')]);
    await t.throwsAsync(signing, { instanceOf: SignError, code: 'SIGNER_FAULTY' }, reason);
  }
});

test('signImages() does not write over existing signatures that it cannot read', async (t) => {
  const existing = encodeManifest({
    kind: 'index',
    mediaType: mediaTypes.ociIndex,
    artifactType: undefined,
    manifests: [],
    subject: undefined,
    annotations: {},
  });
  await t.throwsAsync(signImages(alice, testClaim, [image('a', existing)]), { code: 'MANIFEST_INVALID' });
});
