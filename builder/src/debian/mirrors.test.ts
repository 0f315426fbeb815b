import test from 'ava';
import type { AptSource } from './apt-sources.ts';
import { mirrorsOf } from './mirrors.ts';
import type { SuiteChoice } from './system.ts';

const choose = (
  suite: string,
  archive: SuiteChoice['archive'],
  mirrors: readonly string[] = [],
): SuiteChoice => ({
  suite,
  archive,
  mirrors,
  components: ['main'],
  keys: [],
});

const source = (uri: string, suite: string, components = ['main']): AptSource => ({
  uri,
  suite,
  components,
  allowsExpired: false,
});

const roots = (
  choice: SuiteChoice,
  sources: readonly AptSource[],
  mirror?: string,
  architecture = 'amd64',
): readonly string[] => mirrorsOf(choice, { mirror, sources, architecture }).map(({ root }) => root);

const trixie = choose('trixie', 'debian');
const security = choose('trixie-security', 'debian-security');
const noble = choose('noble', 'ubuntu');
const nobleSecurity = choose('noble-security', 'ubuntu');
const ubuntuMachine = [
  source('http://a.example/ubuntu/', 'noble', ['main', 'universe']),
  source('http://s.example/ubuntu/', 'noble-security', ['main', 'universe']),
  source('http://p.example/ubuntu', 'noble-pgdg'),
];

const cases: readonly (readonly [why: string, actual: readonly string[], expected: readonly string[]])[] = [
  ["Debian's own where the machine has none", roots(trixie, []), ['http://ftp.debian.org/debian']],
  [
    "the machine's own, without the slash at its end",
    roots(trixie, [source('http://a.example/debian/', 'trixie')]),
    ['http://a.example/debian'],
  ],
  [
    'first the one that names the suite',
    roots(trixie, [
      source('http://a.example/debian', 'bookworm'),
      source('http://b.example/debian', 'trixie'),
    ]),
    ['http://b.example/debian', 'http://a.example/debian'],
  ],
  [
    'one with another suite of Debian, since mirrors have all',
    roots(trixie, [source('http://a.example/debian', 'stable')]),
    ['http://a.example/debian'],
  ],
  [
    'each only once',
    roots(trixie, [
      source('http://a.example/debian', 'trixie'),
      source('http://a.example/debian/', 'trixie-updates'),
    ]),
    ['http://a.example/debian'],
  ],
  [
    'none that lacks main',
    roots(trixie, [source('http://a.example/debian', 'trixie', ['contrib'])]),
    ['http://ftp.debian.org/debian'],
  ],
  [
    'none of another archive',
    roots(trixie, [
      source('http://a.example/pgdg', 'trixie-pgdg'),
      source('http://a.example/docker', 'trixie', ['stable']),
    ]),
    ['http://ftp.debian.org/debian'],
  ],
  [
    'not the security archive for the main one',
    roots(trixie, [source('http://a.example/debian-security', 'trixie-security')]),
    ['http://ftp.debian.org/debian'],
  ],
  [
    'the mirror that was given, alone',
    roots(trixie, [source('http://a.example/debian', 'trixie')], 'http://b.example/debian'),
    ['http://b.example/debian'],
  ],
  [
    "for security the machine's own, then beside its mirror, then Debian's",
    roots(security, [
      source('http://a.example/debian', 'trixie'),
      source('http://s.example/security', 'bookworm-security'),
    ]),
    [
      'http://s.example/security',
      'http://a.example/debian-security',
      'http://security.debian.org/debian-security',
    ],
  ],
  [
    'for security first beside the mirror that was given',
    roots(security, [source('http://s.example/security', 'trixie-security')], 'http://b.example/debian/'),
    [
      'http://b.example/debian-security',
      'http://s.example/security',
      'http://security.debian.org/debian-security',
    ],
  ],
  [
    'the old name of a security suite',
    roots(security, [source('http://s.example/security', 'stable/updates')]),
    [
      'http://s.example/security',
      'http://ftp.debian.org/debian-security',
      'http://security.debian.org/debian-security',
    ],
  ],
  [
    "a custom system's own mirrors, nothing else",
    roots(
      choose('x', 'custom', ['http://c.example/x']),
      [source('http://a.example/debian', 'trixie')],
      'http://b.example/debian',
    ),
    ['http://c.example/x'],
  ],
  [
    "Ubuntu's own where the machine has only Debian's",
    roots(noble, [source('http://a.example/debian', 'trixie')]),
    ['http://archive.ubuntu.com/ubuntu'],
  ],
  [
    "for Ubuntu's security its own server first",
    roots(nobleSecurity, []),
    ['http://security.ubuntu.com/ubuntu', 'http://archive.ubuntu.com/ubuntu'],
  ],
  [
    "an Ubuntu machine's own",
    roots(noble, ubuntuMachine),
    ['http://a.example/ubuntu', 'http://s.example/ubuntu'],
  ],
  [
    "an Ubuntu machine's own for security",
    roots(nobleSecurity, ubuntuMachine),
    ['http://s.example/ubuntu', 'http://a.example/ubuntu'],
  ],
  [
    'the other half of Ubuntu for other processors',
    roots(noble, ubuntuMachine, undefined, 'arm64'),
    ['http://ports.ubuntu.com/ubuntu-ports'],
  ],
  [
    "the machine's own ports first",
    roots(noble, [source('http://a.example/ubuntu-ports', 'noble')], undefined, 'arm64'),
    ['http://a.example/ubuntu-ports', 'http://ports.ubuntu.com/ubuntu-ports'],
  ],
  [
    'the mirror of Ubuntu that was given, alone',
    roots(nobleSecurity, ubuntuMachine, 'http://b.example/ubuntu', 'arm64'),
    ['http://b.example/ubuntu'],
  ],
  ["no source of Ubuntu's for Debian", roots(trixie, ubuntuMachine), ['http://ftp.debian.org/debian']],
];

for (const [why, actual, expected] of cases) {
  test(`mirrorsOf() gives ${why}`, (t) => {
    t.deepEqual(actual, expected);
  });
}

test('mirrorsOf() keeps what the administrator said about old indexes', (t) => {
  const sources = [{ ...source('http://a.example/debian', 'trixie'), allowsExpired: true }];
  t.deepEqual(mirrorsOf(trixie, { mirror: undefined, sources, architecture: 'amd64' }), [
    { root: 'http://a.example/debian', allowsExpired: true },
  ]);
});

test('mirrorsOf() takes the mirror of the configuration for Debian alone', (t) => {
  const options = { mirror: undefined, debianMirror: 'http://c.example/debian', sources: [] };
  const rootOf = (choice: SuiteChoice, mirror?: string): string | undefined =>
    mirrorsOf(choice, { ...options, mirror, architecture: 'amd64' })[0]?.root;
  t.is(rootOf(trixie), 'http://c.example/debian');
  t.is(rootOf(trixie, 'http://b.example/debian'), 'http://b.example/debian');
  t.is(rootOf(security), 'http://c.example/debian-security');
  t.is(rootOf(noble), 'http://archive.ubuntu.com/ubuntu');
});

for (const mirror of [
  '',
  'ftp.debian.org/debian',
  'file:///srv/debian',
  'http://',
  'http://a.example/?debian',
]) {
  test(`mirrorsOf() refuses the mirror ${JSON.stringify(mirror)}`, (t) => {
    t.throws(() => roots(trixie, [], mirror), { code: 'SYSTEM_UNKNOWN' });
  });
}
