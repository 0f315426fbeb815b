import test from 'ava';
import { checkMediaType, descriptorFrom } from './descriptor.ts';
import { parseDigest } from './digest.ts';
import type { JsonObject } from './json.ts';
import { SpecError } from './spec-error.ts';

const digest = parseDigest('sha256:6c3c624b58dbbcd3c0dd82b4c53f04194d1247c6eebdaab7c610cf7d66709b3b');
const minimal = { mediaType: 'application/vnd.oci.image.manifest.v1+json', size: 7682, digest };

test('descriptorFrom() reads the required fields', (t) => {
  t.deepEqual(descriptorFrom(minimal, 'd', 'MANIFEST_INVALID'), minimal);
});

test('descriptorFrom() reads every field and leaves out what it does not know', (t) => {
  const full = {
    ...minimal,
    urls: ['https://example.com/example-manifest'],
    annotations: { 'org.example.key': 'value', ['__proto__']: 'kept' },
    data: 'e30=',
    artifactType: 'application/vnd.example+json',
    platform: {
      architecture: 'arm64',
      os: 'linux',
      variant: 'v8',
      'os.version': '6.12',
      'os.features': ['x'],
    },
  };
  t.deepEqual(descriptorFrom({ ...full, unknown: { deep: [1] } }, 'd', 'MANIFEST_INVALID'), {
    ...full,
    platform: { architecture: 'arm64', os: 'linux', variant: 'v8', osVersion: '6.12', osFeatures: ['x'] },
  });
});

test('descriptorFrom() reads null as absent', (t) => {
  const nulls = { urls: null, annotations: null, data: null, platform: null, artifactType: null };
  t.deepEqual(descriptorFrom({ ...minimal, ...nulls }, 'd', 'MANIFEST_INVALID'), minimal);
});

test('descriptorFrom() accepts sizes that are exact in a double', (t) => {
  for (const size of [0, Number.MAX_SAFE_INTEGER]) {
    t.is(descriptorFrom({ ...minimal, size }, 'd', 'MANIFEST_INVALID').size, size);
  }
});

const refused: readonly [name: string, change: JsonObject, message: RegExp][] = [
  ['no media type', { mediaType: null }, /^d\.mediaType is missing$/],
  [
    'a media type with parameters',
    { mediaType: 'text/plain; charset=utf-8' },
    /^d\.mediaType should be a media type/,
  ],
  ['a media type without a slash', { mediaType: 'text' }, /not "text"$/],
  ['an empty media type', { mediaType: '' }, /^d\.mediaType should be a media type/],
  ['no digest', { digest: null }, /^d\.digest is missing$/],
  ['a digest that is too short', { digest: 'sha256:abc' }, /^d\.digest: digest "sha256:abc" should have 64/],
  [
    'an unregistered digest algorithm',
    { digest: 'md5:d41d8cd98f00b204e9800998ecf8427e' },
    /should begin with sha256:/,
  ],
  ['a digest that is a list', { digest: [digest] }, /^d\.digest should be a string, not a list$/],
  ['no size', { size: null }, /^d\.size is missing$/],
  ['a negative size', { size: -1 }, /^d\.size should be an integer from 0 .* not -1$/],
  ['a size in a string', { size: '7682' }, /not "7682"$/],
  ['a size that is not exact in a double', { size: 2 ** 53 }, /^d\.size should be an integer/],
  ['a fraction of a byte', { size: 0.5 }, /not 0\.5$/],
  [
    'annotations that are numbers',
    { annotations: { a: 1 } },
    /^d\.annotations\.a should be a string, not 1$/,
  ],
  ['annotations in a list', { annotations: [] }, /^d\.annotations should be an object, not a list$/],
  ['URLs that are no list', { urls: 'https://example.com' }, /^d\.urls should be a list/],
  ['too many URLs', { urls: Array(65).fill('u') }, /^d\.urls has 65 items, more than the 64/],
  [
    'a platform without architecture',
    { platform: { os: 'linux' } },
    /^d\.platform\.architecture is missing$/,
  ],
  ['a platform that is text', { platform: 'linux/amd64' }, /^d\.platform should be an object/],
  ['data that is an object', { data: {} }, /^d\.data should be a string, not an object$/],
  ['a key in another case', { Digest: digest }, /^d has the key "Digest"/],
];

for (const [name, change, message] of refused) {
  test(`descriptorFrom() refuses ${name}`, (t) => {
    t.throws(() => descriptorFrom({ ...minimal, ...change }, 'd', 'MANIFEST_INVALID'), {
      instanceOf: SpecError,
      code: 'MANIFEST_INVALID',
      message,
    });
  });
}

test('descriptorFrom() refuses what is no object, with the code that the caller gives', (t) => {
  for (const value of [undefined, null, 'text', [minimal]]) {
    t.throws(() => descriptorFrom(value, 'd', 'CONFIG_INVALID'), {
      instanceOf: SpecError,
      code: 'CONFIG_INVALID',
    });
  }
});

const longName = 'a'.repeat(127);

test('checkMediaType() follows the grammar of RFC 6838 section 4.2', (t) => {
  for (const good of ['a/b', 'application/vnd.a_b.c!#$&-^+json', `${longName}/${longName}`, '1/2']) {
    t.is(checkMediaType(good, 'm', 'MANIFEST_INVALID'), good);
  }
  for (const bad of [
    '/',
    'a/',
    '/b',
    'a/b/c',
    'a b/c',
    '.a/b',
    'a/.b',
    `${longName}a/b`,
    `a/${longName}b`,
    'a/b\n',
    'ä/b',
  ]) {
    t.throws(() => checkMediaType(bad, 'm', 'MANIFEST_INVALID'), { instanceOf: SpecError }, bad);
  }
});

test('checkMediaType() takes linear time', (t) => {
  t.throws(() => checkMediaType('a'.repeat(5_000_000), 'm', 'MANIFEST_INVALID'), { instanceOf: SpecError });
  t.throws(() => checkMediaType('a/'.repeat(2_000_000), 'm', 'MANIFEST_INVALID'), { instanceOf: SpecError });
});
