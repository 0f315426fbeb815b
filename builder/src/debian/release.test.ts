import test from 'ava';
import { formatDate, parseRelease as parse } from './release.ts';

const hex = 'ab'.repeat(32);

const good = [
  'Origin: Debian',
  'Suite: stable',
  'Codename: trixie',
  'Date: Sat, 12 Sep 2026 07:55:41 UTC',
  'Valid-Until: Sat, 19 Sep 2026 07:55:41 UTC',
  'Acquire-By-Hash: yes',
  'No-Support-for-Architecture-all: Packages',
  'Architectures: all amd64 arm64',
  'MD5Sum:',
  ' 00000000000000000000000000000000 9 main/binary-amd64/Packages.xz',
  'SHA256:',
  ` ${hex}  9678380 main/binary-amd64/Packages.xz`,
  ` ${hex}        0 main/dep11/icons-64x64@2.tar.gz`,
];

const parseRelease = (text: string) => parse(text, 'the file');

const without = (start: string): string => good.filter((line) => !line.startsWith(start)).join('\n');

const replaced = (start: string, line: string): string =>
  good.map((one) => (one.startsWith(start) ? line : one)).join('\n');

test('parseRelease() reads the fields that count', (t) => {
  const release = parseRelease(good.join('\n'));
  t.is(release.codename, 'trixie');
  t.is(release.suite, 'stable');
  t.is(formatDate(release.date), '2026-09-12T07:55:41Z');
  t.is(formatDate(release.validUntil ?? new Date(0)), '2026-09-19T07:55:41Z');
  t.deepEqual(release.architectures, ['all', 'amd64', 'arm64']);
  t.true(release.hasByHash);
  t.false(release.hasIndexForAll);
  t.is(release.files.get('main/binary-amd64/Packages.xz')?.size, 9_678_380);
  t.is(release.files.get('main/binary-amd64/Packages.xz')?.digest as string, `sha256:${hex}`);
});

const variants: readonly (readonly [why: string, text: string, check: (text: string) => boolean])[] = [
  [
    'a day of one digit',
    replaced('Date', 'Date: Sat,  5 Sep 2026 07:55:41 UTC'),
    (text) => formatDate(parseRelease(text).date) === '2026-09-05T07:55:41Z',
  ],
  [
    'an hour of one digit, as Ubuntu writes it',
    replaced('Date', 'Date: Sat, 21 Nov 2026  9:52:04 UTC'),
    (text) => formatDate(parseRelease(text).date) === '2026-11-21T09:52:04Z',
  ],
  [
    'a zone in digits',
    replaced('Date', 'Date: Sat, 12 Sep 2026 07:55:41 +0000'),
    (text) => formatDate(parseRelease(text).date) === '2026-09-12T07:55:41Z',
  ],
  ['no Valid-Until', without('Valid-Until'), (text) => parseRelease(text).validUntil === undefined],
  ['no by-hash', without('Acquire'), (text) => !parseRelease(text).hasByHash],
  ['an index of its own for all', without('No-Support'), (text) => parseRelease(text).hasIndexForAll],
  ['only a Codename', without('Suite'), (text) => parseRelease(text).suite === undefined],
];

for (const [why, text, check] of variants) {
  test(`parseRelease() accepts ${why}`, (t) => {
    t.true(check(text));
  });
}

const refused: readonly (readonly [why: string, text: string])[] = [
  ['nothing', ''],
  ['two paragraphs', `${good.join('\n')}\n\n${good.join('\n')}`],
  ['neither Suite nor Codename', without('Suite').replace('Codename: trixie\n', '')],
  ['no Date', without('Date')],
  ['a Date in words', replaced('Date', 'Date: yesterday')],
  [
    'a Date in another zone, which Date.parse would take',
    replaced('Date', 'Date: Sat, 12 Sep 2026 07:55:41 PST'),
  ],
  ['a Valid-Until that is no date', replaced('Valid-Until', 'Valid-Until: never')],
  [
    'no SHA256, only weaker hashes',
    good.filter((line) => !line.includes(hex) && !line.startsWith('SHA256')).join('\n'),
  ],
  ['a hash that is too short', good.join('\n').replace(hex, 'abcd')],
  ['a size that is no number', good.join('\n').replace('9678380', '-1')],
  ['a line with more words', good.join('\n').replace('9678380 main', '9678380 x main')],
];

for (const [why, text] of refused) {
  test(`parseRelease() refuses ${why}`, (t) => {
    t.throws(() => parseRelease(text), { code: 'RELEASE_INVALID', message: /^the file/ });
  });
}
