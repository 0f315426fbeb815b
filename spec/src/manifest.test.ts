import test from 'ava';
import fc from 'fast-check';
import { parseDigest } from './digest.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { limits } from './limits.ts';
import { artifactTypeOf, childrenOf, type Manifest, parseImageManifest, parseManifest } from './manifest.ts';
import { mediaTypes } from './media-types.ts';
import { SpecError, type SpecErrorCode } from './spec-error.ts';

const encode = (value: JsonValue) => new TextEncoder().encode(JSON.stringify(value));
const sha256 = (hexDigit: string) => parseDigest(`sha256:${hexDigit.repeat(64)}`);

// The examples of image-spec, manifest.md and image-index.md.
const imageExample = {
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  config: {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    digest: 'sha256:b5b2b2c507a0944348e0303114d8d93aaaa081732b86451d9bce1f432a537bc7',
    size: 7023,
  },
  layers: [
    {
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      digest: 'sha256:9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0',
      size: 32654,
    },
    {
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      digest: 'sha256:3c3a4604a545cdc127456d94e421cd355bca5b528f4a9c1905b15da2eb4a4c6b',
      size: 16724,
    },
  ],
  subject: {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: 'sha256:5b0bcabd1ed22e9fb1310cf6c2dec7cdef19f0ad69efa1f392e94a4333501270',
    size: 7682,
  },
  annotations: { 'com.example.key1': 'value1', 'com.example.key2': 'value2' },
};
const indexExample = {
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.index.v1+json',
  manifests: [
    {
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      size: 7143,
      digest: 'sha256:e692418e4cbaf90ca69d05a66403747baa33ee08806650b51fab815ad7fc331f',
      platform: { architecture: 'ppc64le', os: 'linux' },
    },
    {
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      size: 7682,
      digest: 'sha256:5b0bcabd1ed22e9fb1310cf6c2dec7cdef19f0ad69efa1f392e94a4333501270',
      platform: { architecture: 'amd64', os: 'linux' },
    },
  ],
  annotations: { 'com.example.key1': 'value1' },
};

test("parseManifest() reads the specification's example of an image", (t) => {
  const manifest = parseManifest(encode(imageExample));
  t.is(manifest.kind, 'manifest');
  t.like(manifest, { ...imageExample, schemaVersion: undefined, artifactType: undefined });
  t.deepEqual(
    childrenOf(manifest).map(({ size }) => size),
    [7023, 32654, 16724],
    'the config and the layers, not the subject',
  );
});

test("parseManifest() reads the specification's example of an index", (t) => {
  const index = parseManifest(encode(indexExample));
  t.is(index.kind, 'index');
  t.deepEqual(
    childrenOf(index).map(({ platform }) => platform?.architecture),
    ['ppc64le', 'amd64'],
  );
});

const { mediaType: _, ...withoutMediaType } = imageExample;
const { mediaType: __, ...indexWithoutMediaType } = indexExample;

const accepted: readonly [
  name: string,
  document: JsonObject,
  contentType: string | undefined,
  kind: Manifest['kind'],
][] = [
  ['unknown fields', { ...imageExample, future: { a: 1 } }, undefined, 'manifest'],
  ['the media type only in the header', withoutMediaType, mediaTypes.ociManifest, 'manifest'],
  ['an index with its media type only in the header', indexWithoutMediaType, mediaTypes.ociIndex, 'index'],
  ['no media type at all: an image by its fields', withoutMediaType, undefined, 'manifest'],
  ['no media type at all: an index by its fields', indexWithoutMediaType, undefined, 'index'],
  ['an empty media type, as Go may write it', { ...withoutMediaType, mediaType: '' }, undefined, 'manifest'],
  [
    "Docker's types",
    { ...imageExample, mediaType: mediaTypes.dockerManifest },
    mediaTypes.dockerManifest,
    'manifest',
  ],
  ["Docker's list", { ...indexExample, mediaType: mediaTypes.dockerIndex }, undefined, 'index'],
  ['null for no layers', { ...imageExample, layers: null }, undefined, 'manifest'],
  [
    'null for the fields of another type',
    { ...imageExample, manifests: null, fsLayers: null },
    undefined,
    'manifest',
  ],
  ['an empty index', { ...indexExample, manifests: [] }, undefined, 'index'],
  [
    'an entry of unknown type, which must not be an error',
    { ...indexExample, manifests: [{ mediaType: 'a/b', size: 1, digest: sha256('a') }] },
    undefined,
    'index',
  ],
  ['an empty artifactType', { ...imageExample, artifactType: '' }, undefined, 'manifest'],
];

for (const [name, document, contentType, kind] of accepted) {
  test(`parseManifest() accepts ${name}`, (t) => {
    t.is(parseManifest(encode(document), contentType).kind, kind);
  });
}

const refused: readonly [
  name: string,
  document: JsonValue,
  contentType: string | undefined,
  code: SpecErrorCode,
  message: RegExp,
][] = [
  ['a list', [], undefined, 'MANIFEST_INVALID', /^manifest should be an object, not a list$/],
  ['an empty object', {}, undefined, 'MANIFEST_INVALID', /^manifest\.schemaVersion is missing$/],
  [
    'schema version 1',
    { ...imageExample, schemaVersion: 1 },
    undefined,
    'MANIFEST_INVALID',
    /should be 2, not 1: the format of 2013/,
  ],
  [
    'schema version 3',
    { ...imageExample, schemaVersion: 3 },
    undefined,
    'MANIFEST_INVALID',
    /should be 2, not 3$/,
  ],
  [
    'a schema version in a string',
    { ...imageExample, schemaVersion: '2' },
    undefined,
    'MANIFEST_INVALID',
    /not "2"$/,
  ],
  [
    'an unknown media type',
    { ...imageExample, mediaType: 'text/plain' },
    undefined,
    'MANIFEST_INVALID',
    /unknown media type "text\/plain"/,
  ],
  [
    'an unknown content type',
    withoutMediaType,
    'application/json',
    'MANIFEST_INVALID',
    /unknown media type "application\/json"/,
  ],
  [
    'a content type that contradicts',
    imageExample,
    mediaTypes.ociIndex,
    'MANIFEST_INVALID',
    /is ".*manifest.*" but the content type is ".*index/,
  ],
  [
    'an image with manifests (CVE-2021-41190)',
    { ...imageExample, manifests: indexExample.manifests },
    undefined,
    'MANIFEST_INVALID',
    /must not have "manifests": it could be read as another type/,
  ],
  [
    'an image with an empty list of manifests',
    { ...imageExample, manifests: [] },
    undefined,
    'MANIFEST_INVALID',
    /must not have "manifests"/,
  ],
  [
    'an index with layers (CVE-2021-41190)',
    { ...indexExample, layers: imageExample.layers },
    undefined,
    'MANIFEST_INVALID',
    /must not have "layers"/,
  ],
  [
    'an index with a config',
    { ...indexExample, config: imageExample.config },
    undefined,
    'MANIFEST_INVALID',
    /must not have "config"/,
  ],
  [
    'an image with the layers of 2013',
    { ...imageExample, fsLayers: [] },
    undefined,
    'MANIFEST_INVALID',
    /must not have "fsLayers"/,
  ],
  [
    'both kinds of fields and no type',
    { ...withoutMediaType, manifests: [] },
    undefined,
    'MANIFEST_INVALID',
    /must not have "config"/,
  ],
  [
    'layers in another case',
    { ...imageExample, Layers: [] },
    undefined,
    'MANIFEST_INVALID',
    /the key "Layers", which other programs read/,
  ],
  [
    'no config',
    { ...imageExample, config: null },
    undefined,
    'MANIFEST_INVALID',
    /^manifest\.config should be an object, not absent$/,
  ],
  [
    'a config that is a digest',
    { ...imageExample, config: 'sha256:…' },
    undefined,
    'MANIFEST_INVALID',
    /^manifest\.config should be an object/,
  ],
  [
    'a layer without size',
    { ...imageExample, layers: [imageExample.layers[0] ?? null, { mediaType: 'a/b', digest: sha256('a') }] },
    undefined,
    'MANIFEST_INVALID',
    /^manifest\.layers\[1\]\.size is missing$/,
  ],
  [
    'null among the layers',
    { ...imageExample, layers: [null] },
    undefined,
    'MANIFEST_INVALID',
    /^manifest\.layers\[0\] should be an object, not null$/,
  ],
  [
    'layers in an object',
    { ...imageExample, layers: {} },
    undefined,
    'MANIFEST_INVALID',
    /^manifest\.layers should be a list/,
  ],
  [
    'too many layers',
    { ...imageExample, layers: Array(limits.layers + 1).fill(imageExample.layers[0]) },
    undefined,
    'MANIFEST_INVALID',
    /has 513 items, more than the 512/,
  ],
  [
    'a subject without digest',
    { ...imageExample, subject: { mediaType: 'a/b', size: 1 } },
    undefined,
    'MANIFEST_INVALID',
    /^manifest\.subject\.digest is missing$/,
  ],
  [
    'an artifactType that is none',
    { ...imageExample, artifactType: 'sbom' },
    undefined,
    'MANIFEST_INVALID',
    /^manifest\.artifactType should be a media type/,
  ],
  [
    'annotations that are numbers',
    { ...imageExample, annotations: { a: 1 } },
    undefined,
    'MANIFEST_INVALID',
    /^manifest\.annotations\.a should be a string/,
  ],
  [
    'manifests of strings',
    { ...indexExample, manifests: ['a'] },
    undefined,
    'MANIFEST_INVALID',
    /^manifest\.manifests\[0\] should be an object/,
  ],
];

for (const [name, document, contentType, code, message] of refused) {
  test(`parseManifest() refuses ${name}`, (t) => {
    t.throws(() => parseManifest(encode(document), contentType), { instanceOf: SpecError, code, message });
  });
}

test('parseManifest() refuses duplicate keys and more than 4 MiB', (t) => {
  const text = JSON.stringify(imageExample);
  t.throws(() => parseManifest(new TextEncoder().encode(text.replace('{', '{"layers":[],'))), {
    code: 'JSON_INVALID',
    message: /the key "layers" twice/,
  });
  t.throws(() => parseManifest(new Uint8Array(limits.manifestBytes + 1).fill(0x20)), {
    code: 'JSON_TOO_LONG',
  });
  const padded = new TextEncoder().encode(text + ' '.repeat(limits.manifestBytes - text.length));
  t.is(parseManifest(padded).kind, 'manifest', 'exactly 4 MiB must be accepted (distribution-spec)');
});

test('parseManifest() refuses any single value replaced by another type, or still reads a manifest', (t) => {
  const paths = [
    ['config'],
    ['layers'],
    ['layers', 0],
    ['config', 'size'],
    ['subject'],
    ['annotations'],
    ['mediaType'],
  ];
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, replacement) => {
      const copy = structuredClone(imageExample) as { [key: string]: unknown };
      let at = copy as { [key: string | number]: unknown };
      for (const step of path.slice(0, -1)) at = at[step] as typeof at;
      at[path.at(-1) ?? ''] = replacement;
      try {
        t.is(parseManifest(new TextEncoder().encode(JSON.stringify(copy))).kind, 'manifest');
      } catch (error) {
        t.true(error instanceof SpecError);
      }
    }),
    { numRuns: 300 },
  );
});

test('parseImageManifest() refuses an index', (t) => {
  t.is(parseImageManifest(encode(imageExample)).layers.length, 2);
  t.throws(() => parseImageManifest(encode(indexExample)), {
    instanceOf: SpecError,
    code: 'MANIFEST_INVALID',
    message: /an index stands/,
  });
});

test('artifactTypeOf() is the artifactType, else the type of the config', (t) => {
  const image = parseManifest(encode(imageExample));
  t.is(artifactTypeOf(image), mediaTypes.ociConfig);
  t.is(artifactTypeOf({ ...image, artifactType: 'application/vnd.example' }), 'application/vnd.example');
  t.is(artifactTypeOf(parseManifest(encode(indexExample))), undefined);
});
