import test from 'ava';
import fc from 'fast-check';
import { JsonFields } from './json-fields.ts';
import {
  formatPlatform,
  normalizePlatform,
  type Platform,
  parsePlatform,
  platformFrom,
  platformScore,
  selectPlatform,
} from './platform.ts';
import { SpecError } from './spec-error.ts';

const parsed: readonly [text: string, normal: string, reason: string][] = [
  ['linux/amd64', 'linux/amd64', 'as it is'],
  ['Linux/AMD64', 'linux/amd64', 'upper case'],
  ['linux/x86_64', 'linux/amd64', "uname's name"],
  ['linux/x64', 'linux/amd64', "Node's name"],
  ['linux/amd64/v1', 'linux/amd64', 'every amd64 processor has v1'],
  ['linux/amd64/v3', 'linux/amd64/v3', 'a newer variant stays'],
  ['linux/i386', 'linux/386', "Debian's name"],
  ['linux/aarch64', 'linux/arm64', "uname's name"],
  ['linux/arm64/v8', 'linux/arm64', 'every arm64 processor has v8'],
  ['linux/arm64/8', 'linux/arm64', 'without the v'],
  ['linux/arm64/v8.0', 'linux/arm64', 'the same version'],
  ['linux/arm64/v9.0', 'linux/arm64/v9', 'the same version'],
  ['linux/arm64/v8.5', 'linux/arm64/v8.5', 'a newer variant stays'],
  ['linux/arm', 'linux/arm/v7', 'the usual variant'],
  ['linux/arm/6', 'linux/arm/v6', 'without the v'],
  ['linux/armhf', 'linux/arm/v7', "Debian's name"],
  ['linux/armel', 'linux/arm/v6', "Debian's name"],
  ['linux/armhf/v5', 'linux/arm/v7', 'armhf is v7, as containerd reads it'],
  ['linux/ppc64el', 'linux/ppc64le', "Debian's name"],
  ['linux/riscv64/rva20u64', 'linux/riscv64/rva20u64', 'a variant that is no number'],
  ['macos/arm64', 'darwin/arm64', "Go's name"],
  ['linux/constructor', 'linux/constructor', 'the name of an inherited property'],
];

test('parsePlatform() reads and normalises', (t) => {
  for (const [text, normal, reason] of parsed) {
    t.is(formatPlatform(parsePlatform(text)), normal, reason);
    t.deepEqual(parsePlatform(normal), parsePlatform(text), `${normal} stays as it is`);
  }
});

test('parsePlatform() refuses everything else', (t) => {
  const bad = [
    '',
    'linux',
    '/',
    'linux/',
    '/amd64',
    'linux//v8',
    'a/b/c/d',
    'linux/amd64/',
    'li nux/amd64',
    'linux/amd64\n',
    '-/-',
    `linux/${'a'.repeat(65)}`,
    '../..',
    'a/'.repeat(2_000_000),
  ];
  for (const text of bad) {
    t.throws(
      () => parsePlatform(text),
      { instanceOf: SpecError, code: 'PLATFORM_INVALID', message: /should be os\/architecture/ },
      text.slice(0, 50),
    );
  }
});

test('platformFrom() reads an empty variant as none', (t) => {
  const fields = new JsonFields(
    { os: 'linux', architecture: 'amd64', variant: '' },
    'platform',
    'MANIFEST_INVALID',
  );
  t.deepEqual(platformFrom(fields), { os: 'linux', architecture: 'amd64' });
});

const fits: readonly [offered: string, wanted: string, runs: boolean, reason: string][] = [
  ['linux/amd64', 'linux/amd64', true, 'the same'],
  ['linux/x86_64', 'linux/amd64/v1', true, 'the same under other names'],
  ['linux/amd64', 'linux/amd64/v3', true, 'older runs on newer'],
  ['linux/amd64/v2', 'linux/amd64/v3', true, 'older runs on newer'],
  ['linux/amd64/v3', 'linux/amd64/v2', false, 'newer does not run on older'],
  ['linux/amd64/v2', 'linux/amd64', false, 'no variant is the oldest'],
  ['linux/386', 'linux/amd64', false, 'another architecture is not taken silently'],
  ['linux/arm/v7', 'linux/arm64', false, 'another architecture is not taken silently'],
  ['linux/arm/v6', 'linux/arm/v7', true, 'older runs on newer'],
  ['linux/arm/v8', 'linux/arm/v7', false, 'newer does not run on older'],
  ['linux/arm', 'linux/arm/v6', false, 'arm alone is v7'],
  ['linux/arm64', 'linux/arm64/v9', true, 'v9 has everything of v8'],
  ['linux/arm64/v8.5', 'linux/arm64/v9', true, 'v9.0 has everything of v8.5'],
  ['linux/arm64/v8.6', 'linux/arm64/v9', false, 'v9.0 lacks parts of v8.6'],
  ['linux/arm64/v8.6', 'linux/arm64/v9.1', true, 'v9.1 has everything of v8.6'],
  ['linux/arm64/v9', 'linux/arm64/v8.9', false, 'v8 never has v9'],
  ['linux/arm64/v8.2', 'linux/arm64/v8.4', true, 'minor versions add'],
  ['linux/arm64/v8.4', 'linux/arm64/v8.2', false, 'minor versions add'],
  ['linux/arm64', 'linux/arm64/v7', false, 'there is no such processor, and an older one would not do'],
  ['linux/ppc64le', 'linux/ppc64le/power10', true, 'without a variant it was built for all'],
  ['linux/ppc64le/power9', 'linux/ppc64le/power10', false, 'nothing is known about these names'],
  ['linux/ppc64le/power9', 'linux/ppc64le/power9', true, 'the same'],
  ['windows/amd64', 'linux/amd64', false, 'another operating system'],
];

test('platformScore() says what runs where', (t) => {
  for (const [offered, wanted, runs, reason] of fits) {
    const score = platformScore(parsePlatform(offered), parsePlatform(wanted));
    t.is(score !== undefined, runs, `${offered} on ${wanted}: ${reason}`);
  }
});

test('platformScore() prefers newer variants, and the exact one to all', (t) => {
  const wanted = parsePlatform('linux/arm64/v9.1');
  const names = ['', '/v8.1', '/v8.6', '/v9', '/v9.1'];
  const scores = names.map((name) => platformScore(parsePlatform(`linux/arm64${name}`), wanted) ?? -1);
  t.deepEqual(
    scores,
    scores.toSorted((a, b) => a - b),
  );
  t.is(new Set(scores).size, names.length);
});

test('platformScore() compares versions of the system where both are known', (t) => {
  const windows = { os: 'windows', architecture: 'amd64' };
  t.is(platformScore({ ...windows, osVersion: '10.0.1' }, { ...windows, osVersion: '10.0.2' }), undefined);
  t.not(platformScore({ ...windows, osVersion: '10.0.1' }, windows), undefined);
});

test('platformScore() refuses features that the host does not have', (t) => {
  const linux = { os: 'linux', architecture: 'amd64' };
  t.is(platformScore({ ...linux, osFeatures: ['erofs'] }, linux), undefined);
  t.not(platformScore({ ...linux, osFeatures: ['a'] }, { ...linux, osFeatures: ['a', 'b'] }), undefined);
  t.not(platformScore(linux, { ...linux, osFeatures: ['a'] }), undefined);
});

const word = fc.constantFrom('linux', 'amd64', 'arm64', 'arm', 'v1', 'v7', 'v8', 'v8.3', 'v9.1', 'power9');
const platforms: fc.Arbitrary<Platform> = fc.record(
  { os: word, architecture: word, variant: word },
  { requiredKeys: ['os', 'architecture'] },
);

test('normalizePlatform() is stable and everything runs on itself', (t) => {
  fc.assert(
    fc.property(platforms, (platform) => {
      const normal = normalizePlatform(platform);
      t.deepEqual(normalizePlatform(normal), normal);
      t.not(platformScore(platform, normal), undefined);
    }),
  );
});

test('platformScore() never lets two different platforms run on each other', (t) => {
  fc.assert(
    fc.property(platforms, platforms, (a, b) => {
      const both = platformScore(a, b) !== undefined && platformScore(b, a) !== undefined;
      t.is(both, formatPlatform(normalizePlatform(a)) === formatPlatform(normalizePlatform(b)));
    }),
  );
});

const entry = (text: string, name = text) => ({ platform: parsePlatform(text), name });

test('selectPlatform() takes the best entry, the first of equals', (t) => {
  const wanted = parsePlatform('linux/amd64/v3');
  const entries = [
    entry('linux/arm64'),
    entry('linux/amd64'),
    entry('linux/amd64/v2', 'first'),
    entry('linux/amd64/v2'),
  ];
  t.is(selectPlatform(entries, wanted).name, 'first');
});

test('selectPlatform() takes an entry without platform only if it is alone', (t) => {
  const wanted = parsePlatform('linux/amd64');
  t.deepEqual(selectPlatform([{}], wanted), {});
  t.throws(() => selectPlatform([{}, {}], wanted), {
    instanceOf: SpecError,
    code: 'PLATFORM_UNKNOWN',
    message: 'no image for linux/amd64 in the index, which has none with a platform',
  });
});

test('selectPlatform() names what there is once, without attestations and without control characters', (t) => {
  const entries = [
    entry('linux/arm64'),
    entry('linux/arm64'),
    entry('unknown/unknown'),
    { platform: { os: 'li\u001bnux', architecture: 's390x' } },
  ];
  t.throws(() => selectPlatform(entries, parsePlatform('linux/amd64')), {
    code: 'PLATFORM_UNKNOWN',
    message: 'no image for linux/amd64 in the index, which has "linux/arm64, li\\u001bnux/s390x"',
  });
  t.throws(() => selectPlatform([], parsePlatform('linux/amd64')), { code: 'PLATFORM_UNKNOWN' });
});
