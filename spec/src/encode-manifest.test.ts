import test from 'ava';
import fc from 'fast-check';
import type { Descriptor } from './descriptor.ts';
import { digestOf, parseDigest } from './digest.ts';
import {
  descriptorJson,
  encodeManifest,
  type ImageIndex,
  type ImageManifest,
  type Manifest,
  parseManifest,
} from './manifest.ts';
import { mediaTypes } from './media-types.ts';

const sha256 = (hexDigit: string) => parseDigest(`sha256:${hexDigit.repeat(64)}`);

const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const descriptors: fc.Arbitrary<Descriptor> = fc.record(
  {
    mediaType: fc.constantFrom(mediaTypes.ociLayerZstd, mediaTypes.ociConfig, 'a/b'),
    digest: fc
      .tuple(fc.uint8Array(), fc.constantFrom('sha256' as const, 'sha512' as const))
      .map(([b, a]) => digestOf(b, a)),
    size: fc.maxSafeNat(),
    annotations: fc.dictionary(text, text),
    artifactType: fc.constant('application/vnd.example'),
    data: fc.base64String(),
    platform: fc.record(
      {
        os: text,
        architecture: text,
        variant: fc.constant('v8'),
        osVersion: text,
        osFeatures: fc.array(text, { maxLength: 3 }),
      },
      { requiredKeys: ['os', 'architecture'] },
    ),
    urls: fc.array(text, { maxLength: 3 }),
  },
  { requiredKeys: ['mediaType', 'digest', 'size'] },
);
const common = {
  artifactType: fc.constantFrom(undefined, 'application/vnd.example'),
  subject: fc.option(descriptors, { nil: undefined }),
  annotations: fc.dictionary(text, text),
};
const manifests: fc.Arbitrary<Manifest> = fc.oneof(
  fc.record<ImageManifest>({
    kind: fc.constant('manifest'),
    mediaType: fc.constantFrom(mediaTypes.ociManifest, mediaTypes.dockerManifest),
    config: descriptors,
    layers: fc.array(descriptors, { maxLength: 4 }),
    ...common,
  }),
  fc.record<ImageIndex>({
    kind: fc.constant('index'),
    mediaType: fc.constantFrom(mediaTypes.ociIndex, mediaTypes.dockerIndex),
    manifests: fc.array(descriptors, { maxLength: 4 }),
    ...common,
  }),
);

test('encodeManifest() writes what parseManifest() reads', (t) => {
  fc.assert(
    fc.property(manifests, (manifest) => t.deepEqual(parseManifest(encodeManifest(manifest)), manifest)),
  );
});

test('encodeManifest() does not depend on the order of keys', (t) => {
  const reversed = <T extends object>(value: T): T =>
    Object.fromEntries(Object.entries(value).reverse()) as T;
  fc.assert(
    fc.property(manifests, (manifest) => {
      const other = reversed({ ...manifest, annotations: reversed(manifest.annotations) });
      t.deepEqual(encodeManifest(other), encodeManifest(manifest));
    }),
  );
});

test('encodeManifest() writes known bytes', (t) => {
  const descriptor: Descriptor = { size: 2, digest: sha256('a'), mediaType: mediaTypes.ociEmpty };
  t.is(
    new TextDecoder().decode(
      encodeManifest({
        kind: 'manifest',
        mediaType: mediaTypes.ociManifest,
        artifactType: undefined,
        layers: [],
        config: descriptor,
        subject: undefined,
        annotations: { b: '2', a: '1' },
      }),
    ),
    '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":' +
      `{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:${'a'.repeat(64)}","size":2},` +
      '"layers":[],"annotations":{"a":"1","b":"2"}}',
  );
  t.deepEqual(Object.keys(descriptorJson(descriptor)), ['mediaType', 'digest', 'size']);
});
