import { digestOf } from '@img/spec/digest';
import { parseImageConfig } from '@img/spec/image-config';
import { parseManifest } from '@img/spec/manifest';
import test from 'ava';
import { parseRecipe } from '../recipe/parse-recipe.ts';
import { type EncodeImageOptions, encodeImage, encodeIndex } from './encode-image.ts';

const text = (value: string) => new TextEncoder().encode(value);
const recipe = (lines = '') =>
  parseRecipe(text(`name: com.example.app\nversion: 1.0\nos: scratch\n${lines}`), 'img.yaml');
const options: EncodeImageOptions = {
  platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
  layers: [
    {
      diffId: digestOf(text('a')),
      digest: digestOf(text('b')),
      sizeBytes: 10,
      compression: 'zstd',
      what: 'x',
    },
    {
      diffId: digestOf(text('c')),
      digest: digestOf(text('d')),
      sizeBytes: 20,
      compression: 'gzip',
      what: 'y',
    },
  ],
  start: { cmd: ['python3', '/opt/app/main.py'], env: new Map() },
  created: '2026-01-02T03:04:05Z',
};
const configOf = (lines: string) => parseImageConfig(encodeImage(recipe(lines), options).config.bytes).config;

test('encodeImage() gives a config and a manifest that name each other and the layers', (t) => {
  const { config, manifest } = encodeImage(recipe(), options);
  t.is(config.descriptor.digest, digestOf(config.bytes));
  t.is(manifest.descriptor.digest, digestOf(manifest.bytes));
  const parsed = parseManifest(manifest.bytes);
  t.deepEqual(parsed.kind === 'manifest' ? parsed.config : undefined, config.descriptor);
  t.deepEqual(parsed.kind === 'manifest' ? parsed.layers : undefined, [
    { mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd', digest: digestOf(text('b')), size: 10 },
    { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: digestOf(text('d')), size: 20 },
  ]);
  t.deepEqual(parsed.annotations, {
    'org.opencontainers.image.created': '2026-01-02T03:04:05Z',
    'org.opencontainers.image.title': 'com.example.app',
    'org.opencontainers.image.version': '1.0',
  });
  const read = parseImageConfig(config.bytes);
  t.deepEqual(read.platform, options.platform);
  t.deepEqual(
    read.diffIds,
    options.layers.map(({ diffId }) => diffId),
  );
  t.is(read.created, '2026-01-02T03:04:05Z');
  t.deepEqual(
    read.history.map(({ createdBy }) => createdBy),
    ['img: x', 'img: y'],
  );
});

test('encodeImage() is the same for recipes that say the same in another order', (t) => {
  const a = 'run: {env: {A: x, B: y}, labels: {a: x, b: y}, ports: [80, 53/udp]}';
  const b = 'run: {ports: [53/udp, 80], labels: {b: y, a: x}, env: {B: y, A: x}}';
  t.deepEqual(encodeImage(recipe(a), options).config.bytes, encodeImage(recipe(b), options).config.bytes);
});

const configs: readonly [
  why: string,
  lines: string,
  pick: (c: ReturnType<typeof configOf>) => unknown,
  expected: unknown,
][] = [
  ['what the app starts by default', '', (c) => [c.entrypoint, c.cmd], [[], ['python3', '/opt/app/main.py']]],
  ['the command of the recipe', 'run: {cmd: [a]}', (c) => [c.entrypoint, c.cmd], [[], ['a']]],
  [
    'an entrypoint alone, which the default would be arguments of',
    'run: {entrypoint: [a]}',
    (c) => [c.entrypoint, c.cmd],
    [['a'], []],
  ],
  ['the usual PATH', '', (c) => c.env, ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']],
  ['a PATH of the recipe', 'run: {env: {PATH: /opt/bin}}', (c) => c.env, ['PATH=/opt/bin']],
  ['user and group', 'run: {user: "1:2"}', (c) => c.user, '1:2'],
  ['no user', '', (c) => c.user, ''],
];

for (const [why, lines, pick, expected] of configs) {
  test(`encodeImage() has ${why}`, (t) => t.deepEqual(pick(configOf(lines)), expected));
}

test('encodeImage() without a time has none anywhere', (t) => {
  const { config, manifest } = encodeImage(recipe(), { ...options, created: undefined });
  t.notRegex(new TextDecoder().decode(config.bytes) + new TextDecoder().decode(manifest.bytes), /created"/);
});

test('encodeIndex() says for which platform each manifest is', (t) => {
  const { manifest } = encodeImage(recipe(), options);
  const children = [{ ...manifest.descriptor, platform: options.platform }];
  const parsed = parseManifest(encodeIndex(recipe(), children, undefined).bytes);
  t.deepEqual(parsed.kind === 'index' ? parsed.manifests : [], children);
});
