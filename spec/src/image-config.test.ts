import test from 'ava';
import fc from 'fast-check';
import { digestOf, parseDigest } from './digest.ts';
import { encodeImageConfig, type ImageConfig, parseImageConfig } from './image-config.ts';
import type { JsonValue } from './json.ts';
import { SpecError } from './spec-error.ts';

const encode = (value: JsonValue) => new TextEncoder().encode(JSON.stringify(value));

// The example of image-spec, config.md.
const example = {
  created: '2015-10-31T22:22:56.015925234Z',
  author: 'Alyssa P. Hacker <alyspdev@example.com>',
  architecture: 'amd64',
  os: 'linux',
  config: {
    User: 'alice',
    ExposedPorts: { '8080/tcp': {} },
    Env: [
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'FOO=oci_is_a',
      'BAR=well_written_spec',
    ],
    Entrypoint: ['/bin/my-app-binary'],
    Cmd: ['--foreground', '--config', '/etc/my-app.d/default.cfg'],
    Volumes: { '/var/job-result-data': {}, '/var/log/my-app-logs': {} },
    WorkingDir: '/home/alice',
    Labels: {
      'com.example.project.git.url': 'https://example.com/project.git',
      'com.example.project.git.commit': '45a939b2999782a3f005621a8d0f29aa387e1d6b',
    },
  },
  rootfs: {
    diff_ids: [
      'sha256:c6f988f4874bb0add23a778f753c65efe992244e148a1d2ec2a8b664fb66bbd1',
      'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef',
    ],
    type: 'layers',
  },
  history: [
    { created: '2015-10-31T22:22:54.690851953Z', created_by: '/bin/sh -c #(nop) ADD file in /' },
    {
      created: '2015-10-31T22:22:55.613815829Z',
      created_by: '/bin/sh -c #(nop) CMD ["sh"]',
      empty_layer: true,
    },
    { created: '2015-10-31T22:22:56.329850019Z', created_by: '/bin/sh -c apk add curl' },
  ],
};
const minimal = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } };

test("parseImageConfig() reads the specification's example", (t) => {
  const image = parseImageConfig(encode(example));
  t.deepEqual(image.platform, { os: 'linux', architecture: 'amd64' });
  t.is(image.created, example.created);
  t.is(image.author, example.author);
  t.deepEqual(image.diffIds as readonly string[], example.rootfs.diff_ids);
  t.deepEqual(image.config, {
    user: 'alice',
    exposedPorts: ['8080/tcp'],
    env: example.config.Env,
    entrypoint: example.config.Entrypoint,
    cmd: example.config.Cmd,
    volumes: ['/var/job-result-data', '/var/log/my-app-logs'],
    workingDir: '/home/alice',
    labels: example.config.Labels,
    stopSignal: undefined,
    healthcheck: undefined,
  });
  t.deepEqual(
    image.history.map(({ emptyLayer }) => emptyLayer),
    [false, true, false],
  );
});

test('parseImageConfig() fills in what is absent, and reads null and empty values as absent', (t) => {
  const empty = parseImageConfig(encode(minimal));
  t.deepEqual(empty.config, {
    user: '',
    exposedPorts: [],
    env: [],
    entrypoint: [],
    cmd: [],
    volumes: [],
    workingDir: '',
    labels: {},
    stopSignal: undefined,
    healthcheck: undefined,
  });
  const nulls = {
    ...minimal,
    created: null,
    history: null,
    variant: '',
    config: {
      Entrypoint: null,
      Cmd: null,
      Volumes: null,
      Labels: null,
      Env: null,
      StopSignal: '',
      Healthcheck: null,
    },
  };
  t.deepEqual(parseImageConfig(encode(nulls)), empty);
});

test('parseImageConfig() ignores what Docker adds, and keeps its healthcheck', (t) => {
  const docker = {
    ...minimal,
    variant: 'v2',
    'os.version': '10.0',
    container_config: { Hostname: 'x' },
    docker_version: '20.10',
    config: {
      Hostname: '',
      ArgsEscaped: true,
      OnBuild: null,
      Healthcheck: { Test: ['CMD', 'true'], Interval: 30_000_000_000, Retries: 3 },
    },
  };
  const image = parseImageConfig(encode(docker));
  t.deepEqual(image.platform, { os: 'linux', architecture: 'amd64', variant: 'v2', osVersion: '10.0' });
  t.deepEqual(image.config.healthcheck, {
    test: ['CMD', 'true'],
    interval: 30_000_000_000,
    timeout: undefined,
    startPeriod: undefined,
    retries: 3,
  });
});

const refused: readonly [name: string, document: JsonValue, message: RegExp][] = [
  ['text', 'config', /^config should be an object, not "config"$/],
  ['no operating system', { ...minimal, os: null }, /^config\.os is missing$/],
  ['no architecture', { ...minimal, architecture: null }, /^config\.architecture is missing$/],
  ['no rootfs', { ...minimal, rootfs: null }, /^config\.rootfs is missing$/],
  ['no type of rootfs', { ...minimal, rootfs: { diff_ids: [] } }, /^config\.rootfs\.type is missing$/],
  [
    'another type of rootfs',
    { ...minimal, rootfs: { type: 'tree\n' } },
    /^config\.rootfs\.type should be "layers", not "tree\\n"$/,
  ],
  [
    'a diff id that is none',
    { ...minimal, rootfs: { type: 'layers', diff_ids: ['abc'] } },
    /^config\.rootfs\.diff_ids: digest "abc"/,
  ],
  [
    'a diff id that is a number',
    { ...minimal, rootfs: { type: 'layers', diff_ids: [1] } },
    /^config\.rootfs\.diff_ids\[0\] should be a string/,
  ],
  [
    'too many diff ids',
    { ...minimal, rootfs: { type: 'layers', diff_ids: Array(513).fill('x') } },
    /has 513 items/,
  ],
  ['a date that is none', { ...minimal, created: 'yesterday' }, /^config\.created should be a date and time/],
  [
    'a date of history that is none',
    { ...minimal, history: [{ created: '' }] },
    /^config\.history\[0\]\.created should be a date/,
  ],
  ['history in an object', { ...minimal, history: {} }, /^config\.history should be a list/],
  ['history of strings', { ...minimal, history: ['x'] }, /^config\.history\[0\] should be an object/],
  [
    'an empty_layer that is text',
    { ...minimal, history: [{ empty_layer: 'yes' }] },
    /empty_layer should be true or false/,
  ],
  [
    'a user that is a number',
    { ...minimal, config: { User: 0 } },
    /^config\.config\.User should be a string, not 0$/,
  ],
  [
    'an entrypoint that is text',
    { ...minimal, config: { Entrypoint: '/bin/sh' } },
    /Entrypoint should be a list/,
  ],
  [
    'an environment in an object',
    { ...minimal, config: { Env: { A: 'b' } } },
    /Env should be a list, not an object/,
  ],
  [
    'null in an environment',
    { ...minimal, config: { Env: [null] } },
    /Env\[0\] should be a string, not null/,
  ],
  [
    'ports in a list',
    { ...minimal, config: { ExposedPorts: ['80/tcp'] } },
    /ExposedPorts should be an object/,
  ],
  [
    'ports that are numbers',
    { ...minimal, config: { ExposedPorts: { '80/tcp': 1 } } },
    /^config\.config\.ExposedPorts\."80\/tcp" should be an object, not 1$/,
  ],
  ['labels that are numbers', { ...minimal, config: { Labels: { a: 1 } } }, /Labels\.a should be a string/],
  ['a config that is a list', { ...minimal, config: [] }, /^config\.config should be an object, not a list$/],
  [
    'a negative interval',
    { ...minimal, config: { Healthcheck: { Interval: -1 } } },
    /Interval should be an integer from 0/,
  ],
  [
    'a key of the config in another case',
    { ...minimal, config: { entrypoint: ['/evil'] } },
    /^config\.config has the key "entrypoint"/,
  ],
  ['a key of the top in another case', { ...minimal, RootFS: {} }, /^config has the key "RootFS"/],
  [
    'a key of rootfs in another case',
    { ...minimal, rootfs: { type: 'layers', Diff_ids: [] } },
    /^config\.rootfs has the key "Diff_ids"/,
  ],
];

for (const [name, document, message] of refused) {
  test(`parseImageConfig() refuses ${name}`, (t) => {
    t.throws(() => parseImageConfig(encode(document)), {
      instanceOf: SpecError,
      code: 'CONFIG_INVALID',
      message,
    });
  });
}

test('parseImageConfig() throws nothing but SpecError on JSON of any shape', (t) => {
  fc.assert(
    fc.property(
      fc.record({ config: fc.jsonValue(), rootfs: fc.jsonValue(), history: fc.jsonValue() }),
      (change) => {
        try {
          parseImageConfig(new TextEncoder().encode(JSON.stringify({ ...minimal, ...change })));
        } catch (error) {
          t.true(error instanceof SpecError);
        }
      },
    ),
  );
  t.pass();
});

const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const keySet = fc
  .uniqueArray(text, { maxLength: 4 })
  .map((keys) => Object.keys(Object.fromEntries(keys.toSorted().map((k) => [k, 0]))));
const time = fc.option(
  fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }).map((d) => d.toISOString()),
  { nil: undefined },
);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const images: fc.Arbitrary<ImageConfig> = fc.record({
  platform: fc.record(
    {
      os: text,
      architecture: text,
      variant: fc.constant('v8'),
      osVersion: text,
      osFeatures: fc.array(text, { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: ['os', 'architecture'] },
  ),
  created: time,
  author: maybe(text),
  config: fc.record({
    user: text,
    exposedPorts: keySet,
    env: fc.array(text, { maxLength: 4 }),
    entrypoint: fc.array(text, { maxLength: 4 }),
    cmd: fc.array(text, { maxLength: 4 }),
    volumes: keySet,
    workingDir: text,
    labels: fc.dictionary(text, text),
    stopSignal: maybe(fc.constant('SIGTERM')),
    healthcheck: maybe(
      fc.record({
        test: fc.array(text, { maxLength: 2 }),
        interval: maybe(fc.nat()),
        timeout: maybe(fc.nat()),
        startPeriod: maybe(fc.nat()),
        retries: maybe(fc.nat()),
      }),
    ),
  }),
  diffIds: fc.array(
    fc.uint8Array().map((bytes) => digestOf(bytes)),
    { maxLength: 4 },
  ),
  history: fc.array(
    fc.record({
      created: time,
      createdBy: maybe(text),
      author: maybe(text),
      comment: maybe(text),
      emptyLayer: fc.boolean(),
    }),
    { maxLength: 3 },
  ),
});

test('encodeImageConfig() writes what parseImageConfig() reads', (t) => {
  fc.assert(fc.property(images, (image) => t.deepEqual(parseImageConfig(encodeImageConfig(image)), image)));
});

test('encodeImageConfig() leaves out what is empty and sorts maps', (t) => {
  const image: ImageConfig = {
    ...parseImageConfig(encode(minimal)),
    diffIds: [parseDigest(`sha256:${'a'.repeat(64)}`)],
  };
  t.is(
    new TextDecoder().decode(
      encodeImageConfig({ ...image, config: { ...image.config, labels: { b: '2', a: '1' } } }),
    ),
    '{"architecture":"amd64","os":"linux","config":{"Labels":{"a":"1","b":"2"}},' +
      `"rootfs":{"type":"layers","diff_ids":["sha256:${'a'.repeat(64)}"]}}`,
  );
});
