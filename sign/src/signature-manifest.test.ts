import type { Descriptor } from '@img/spec/descriptor';
import { digestOf, parseDigest } from '@img/spec/digest';
import { parseImageConfig } from '@img/spec/image-config';
import { limits } from '@img/spec/limits';
import { encodeManifest, parseImageManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import { SpecError } from '@img/spec/spec-error';
import { isTag } from '@img/spec/tag';
import test from 'ava';
import { maxSignaturesRead } from './evidence.ts';
import { SignError } from './sign-error.ts';
import {
  addSignatureLayers,
  signatureLayer,
  signatureLayers,
  signatureTag,
  simpleSigningMediaType,
} from './signature-manifest.ts';
import { cosignVector } from './testing/cosign-vector.ts';
import { testDigest } from './testing/test-claim.ts';

const layer = (n: number, signature = `signature${n}`): Descriptor => {
  const digest = digestOf(Buffer.from(`payload ${n}`));
  const payload = { mediaType: simpleSigningMediaType, digest, size: 9 };
  return signatureLayer({ payload, signature, keyHint: undefined });
};

const layersOf = (bytes: Uint8Array) => parseImageManifest(bytes).layers;

test('signatureTag() is where cosign and podman look', (t) => {
  t.is(signatureTag(testDigest('a')) as string, `sha256-${'a'.repeat(64)}.sig`);
  const sha512 = signatureTag(parseDigest(`sha512:${'b'.repeat(128)}`));
  t.true(isTag(sha512), 'cut, because a tag has 128 characters at most');
});

test('addSignatureLayers() makes a manifest that podman takes: OCI media types, one layer a signature', (t) => {
  const made = addSignatureLayers(undefined, [layer(1)]);
  const text = Buffer.from(made?.manifest.bytes ?? []).toString();
  t.deepEqual(JSON.parse(text), {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: made?.config.descriptor,
    layers: [
      {
        mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
        digest: digestOf(Buffer.from('payload 1')),
        size: 9,
        annotations: { 'dev.cosignproject.cosign/signature': 'signature1' },
      },
    ],
  });
  t.is(made?.config.descriptor.mediaType, mediaTypes.ociConfig);
  t.deepEqual(parseImageConfig(made?.config.bytes ?? new Uint8Array()).diffIds, [
    digestOf(Buffer.from('payload 1')),
  ]);
  t.is(made?.manifest.descriptor.digest, digestOf(made?.manifest.bytes ?? new Uint8Array()));
});

test('signatureLayer() names the key beside the signature', (t) => {
  const payload = { mediaType: simpleSigningMediaType, digest: testDigest('a'), size: 9 };
  t.deepEqual(signatureLayer({ payload, signature: 'c2ln', keyHint: 'SHA256:abc' }).annotations, {
    'dev.cosignproject.cosign/signature': 'c2ln',
    'img.key': 'SHA256:abc',
  });
});

test('addSignatureLayers() adds at the end and keeps what is there', (t) => {
  const first = addSignatureLayers(undefined, [layer(1)]);
  const second = addSignatureLayers(first?.manifest.bytes, [layer(2), layer(3)]);
  t.deepEqual(layersOf(second?.manifest.bytes ?? new Uint8Array()), [layer(1), layer(2), layer(3)]);
});

test('addSignatureLayers() keeps what other tools wrote: foreign layers, annotations, subject', (t) => {
  const foreign: Descriptor = {
    mediaType: simpleSigningMediaType,
    digest: testDigest('c'),
    size: 5,
    annotations: {
      'dev.cosignproject.cosign/signature': 'MEUC',
      'dev.sigstore.cosign/bundle': '{"SignedEntryTimestamp":"…"}',
    },
  };
  const subject = { mediaType: mediaTypes.ociManifest, digest: testDigest('d'), size: 7 };
  const existing = encodeManifest({
    kind: 'manifest',
    mediaType: mediaTypes.ociManifest,
    artifactType: undefined,
    config: { mediaType: mediaTypes.ociConfig, digest: testDigest('e'), size: 3 },
    layers: [foreign],
    subject,
    annotations: { note: 'kept' },
  });
  const merged = parseImageManifest(
    addSignatureLayers(existing, [layer(1)])?.manifest.bytes ?? new Uint8Array(),
  );
  t.deepEqual(merged.layers, [foreign, layer(1)]);
  t.deepEqual(merged.subject, subject);
  t.deepEqual(merged.annotations, { note: 'kept' });
});

test('addSignatureLayers() adds to what cosign wrote', (t) => {
  const { signatureManifest } = cosignVector;
  const merged = addSignatureLayers(signatureManifest, [layer(1)]);
  t.deepEqual(layersOf(merged?.manifest.bytes ?? new Uint8Array()), [
    ...layersOf(signatureManifest),
    layer(1),
  ]);
});

test('addSignatureLayers() adds nothing twice', (t) => {
  const existing = addSignatureLayers(undefined, [layer(1), layer(2), layer(1)])?.manifest.bytes;
  t.is(layersOf(existing ?? new Uint8Array()).length, 2);
  t.is(addSignatureLayers(existing, [layer(2)]), undefined);
  t.is(addSignatureLayers(existing, []), undefined);
  t.is(addSignatureLayers(undefined, []), undefined);
  t.not(addSignatureLayers(existing, [layer(2, 'by another key')]), undefined);
  const hinted = { ...layer(2), annotations: { ...layer(2).annotations, 'img.key': 'SHA256:abc' } };
  t.is(addSignatureLayers(existing, [hinted]), undefined, 'a hint does not make another signature');
});

test('addSignatureLayers() merges two copies to the same set of signatures', (t) => {
  const [a, b] = [
    [layer(1), layer(2)],
    [layer(2), layer(3)],
  ];
  const merged = addSignatureLayers(addSignatureLayers(undefined, a)?.manifest.bytes, b);
  t.deepEqual(layersOf(merged?.manifest.bytes ?? new Uint8Array()), [layer(1), layer(2), layer(3)]);
});

test('addSignatureLayers() stops where verifiers stop looking', (t) => {
  const many = [...Array(limits.signaturesPerImage).keys()].map((n) => layer(n));
  const full = addSignatureLayers(undefined, many)?.manifest.bytes;
  t.is(addSignatureLayers(full, many), undefined);
  const error = { instanceOf: SignError, code: 'SIGNATURES_TOO_MANY' };
  t.throws(() => addSignatureLayers(full, [layer(1000)]), error);
});

test('addSignatureLayers() does not write over what it cannot read', (t) => {
  const index = encodeManifest({
    kind: 'index',
    mediaType: mediaTypes.ociIndex,
    artifactType: undefined,
    manifests: [],
    subject: undefined,
    annotations: {},
  });
  for (const bytes of [index, Buffer.from('{}'), Buffer.from('garbage')]) {
    t.throws(() => addSignatureLayers(bytes, [layer(1)]), { instanceOf: SpecError });
  }
});

test('signatureLayers() finds the signatures and no more than are read', (t) => {
  const base = parseImageManifest(
    addSignatureLayers(undefined, [layer(1)])?.manifest.bytes ?? new Uint8Array(),
  );
  const other = { mediaType: mediaTypes.ociLayer, digest: testDigest('f'), size: 1, annotations: {} };
  const { annotations, ...unsigned } = layer(2);
  t.truthy(annotations);
  const found = signatureLayers({ ...base, layers: [other, unsigned, ...base.layers] });
  t.is(found.length, 1);
  t.is(found[0]?.signature, 'signature1');
  t.deepEqual(found.map(signatureLayer), base.layers as never);
  const many = { ...base, layers: [...Array(limits.layers).keys()].map((n) => layer(n)) };
  t.is(signatureLayers(many).length, maxSignaturesRead);
});
