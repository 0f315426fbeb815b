import { digestOf } from '@img/spec/digest';
import test from 'ava';
import { encodeLock } from './encode-lock.ts';
import { heldLock } from './held-lock.ts';
import type { ImageLock } from './image-lock.ts';
import { parseLock } from './parse-lock.ts';

const digest = digestOf(new TextEncoder().encode('x'));
const lock: ImageLock = {
  profile: 'debian-layer/2',
  request: { os: 'debian:13', packages: ['curl', 'python3'] },
  platforms: new Map([
    [
      'linux/amd64',
      {
        releases: [{ suite: 'trixie', date: '2026-11-21T00:53:02Z', digest, keyFingerprint: 'A'.repeat(40) }],
        packages: [
          {
            name: 'libstdc++6',
            version: '1:2.0~rc1+b2-3',
            architecture: 'amd64',
            source: { name: 'gcc-14', version: '14.2' },
            suite: 'trixie-security',
            path: 'pool/main/g/gcc-14/libstdc++6_2.0~rc1+b2-3_amd64.deb',
            size: 1000,
            digest,
          },
          {
            name: 'tzdata',
            version: '2026f',
            architecture: 'all',
            source: { name: 'tzdata', version: '2026f' },
            suite: 'trixie',
            path: 'pool/t.deb',
            size: 1,
            digest,
          },
        ],
        kept: digest,
        records: { digest, size: 7 },
        layers: [{ diffId: digest, digest, size: 5, packages: ['libstdc++6', 'tzdata'] }],
      },
    ],
    ['linux/arm64', { releases: [], packages: [], layers: [] }],
  ]),
};
const text = encodeLock(lock);
const parse = (json: string) => parseLock(new TextEncoder().encode(json), 'img.lock');

test('parseLock() of encodeLock() is the lock, and the other way round', (t) => {
  t.deepEqual(parse(text), lock);
  t.is(encodeLock(parse(text)), text);
});

test('encodeLock() sorts keys and platforms, one value a line', (t) => {
  const reversed = { ...lock, platforms: new Map([...lock.platforms].reverse()) };
  t.is(encodeLock(reversed), text);
  t.true(
    text.startsWith('{\n  "lockVersion": 1,\n  "platforms": {\n    "linux/amd64": {\n      "kept": "sha256:'),
  );
  t.true(text.endsWith('}\n'));
});

/** The lock's text with one piece replaced. */
const changed = (from: string | RegExp, to: string): string => {
  const result = text.replace(from, to);
  if (result === text) throw new Error(`nothing to replace: ${from}`);
  return result;
};

const refused: readonly [why: string, json: string][] = [
  ['nothing', ''],
  ['what is no JSON', 'lockVersion: 1'],
  ['another kind of JSON', '[]'],
  ['a later version', changed('"lockVersion": 1', '"lockVersion": 2')],
  ['a key that may mean something to a later version', changed('"profile"', '"allow": true, "profile"')],
  [
    'a package with a key that it should not have',
    changed('"version": "2026f"\n        }', '"version": "2026f", "url": "x"}'),
  ],
  ['records that would fill the memory', changed('"size": 7', '"size": 70000000')],
  ['records without a size', changed(/,\s*"size": 7/, '')],
  ['a name that is no package', changed('"name": "tzdata"', '"name": "../tzdata"')],
  ['a version with a space', changed('"version": "2026f"', '"version": "1 2"')],
  ['a path that climbs', changed('pool/t.deb', 'pool/../t.deb')],
  ['an absolute path', changed('pool/t.deb', '/pool/t.deb')],
  ['a path that is an address', changed('pool/t.deb', 'http://example.org/t.deb')],
  ['a path with a query', changed('pool/t.deb', 'pool/t.deb?x')],
  ['a digest that is none', changed(digest, 'sha256:abc')],
  ['a size of nothing', changed('"size": 1000', '"size": 0')],
  ['a fingerprint that is none', changed('A'.repeat(40), 'A'.repeat(8))],
  ['a date in another form', changed('2026-11-21T00:53:02Z', 'Sat, 21 Nov 2026')],
  ['packages that are not sorted', changed('"name": "libstdc++6"', '"name": "zlib1g"')],
  ['a package twice', changed('"name": "libstdc++6"', '"name": "tzdata"')],
  ['a key twice', changed('"profile"', '"profile": "x", "profile"')],
  [
    'more platforms than there are',
    changed(
      '"linux/arm64"',
      `${Array.from({ length: 20 }, (_, index) => `"x${index}": {"layers":[],"packages":[],"releases":[]},`).join('')}"linux/arm64"`,
    ),
  ],
];

for (const [why, json] of refused) {
  test(`parseLock() refuses ${why}`, (t) => {
    t.throws(() => parse(json), { code: 'LOCK_INVALID', message: /^img\.lock / });
  });
}

const wanted = {
  profile: lock.profile,
  request: lock.request,
  platforms: ['linux/amd64'],
  isLocked: false,
};

function hold(options: Partial<typeof wanted>, given: ImageLock | undefined = lock) {
  const notes: string[] = [];
  return { result: heldLock(given, { ...wanted, ...options, onChange: (note) => notes.push(note) }), notes };
}

test('heldLock() is the lock if it says what is asked for', (t) => {
  t.deepEqual(hold({}), { result: lock, notes: [] });
  t.deepEqual(hold({ isLocked: true, platforms: ['linux/arm64', 'linux/amd64'] }), {
    result: lock,
    notes: [],
  });
});

const changes: readonly [why: string, options: Partial<typeof wanted>, note: string, holds: boolean][] = [
  [
    'packages',
    { request: { os: 'debian:13', packages: ['python3', 'wget', 'zip'] } },
    'packages has wget, zip in addition; packages has no curl any more',
    false,
  ],
  [
    'another system',
    { request: { ...lock.request, os: 'debian:12' } },
    'os is debian:12 instead of debian:13',
    false,
  ],
  [
    'other rules',
    { profile: 'debian-layer/3' },
    'layers are made by debian-layer/3 instead of debian-layer/2',
    false,
  ],
  [
    'a platform more, which leaves the others as they are',
    { platforms: ['linux/amd64', 'linux/riscv64'] },
    'platforms has linux/riscv64 in addition',
    true,
  ],
];

for (const [why, options, note, holds] of changes) {
  test(`heldLock() says what changed: ${why}`, (t) => {
    t.deepEqual(hold(options), {
      result: holds ? lock : undefined,
      notes: [`img.lock is made anew: ${note}`],
    });
    t.throws(() => hold({ ...options, isLocked: true }), {
      code: 'LOCK_OUTDATED',
      message: `img.lock does not fit img.yaml: ${note}`,
    });
  });
}

test('heldLock() of no lock is none, and refused where there must be one', (t) => {
  t.deepEqual(hold({}, undefined).notes, []);
  t.is(heldLock(undefined, { ...wanted, onChange: () => t.fail() }), undefined);
  t.throws(() => heldLock(undefined, { ...wanted, isLocked: true, onChange: () => t.fail() }), {
    code: 'LOCK_OUTDATED',
  });
});
