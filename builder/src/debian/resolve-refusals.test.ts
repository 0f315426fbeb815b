import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { resolvePackages } from './resolve-packages.ts';
import { type Archive, foreignKey, startArchive } from './testing/start-archive.ts';
import { makePackage, type SuiteParts } from './testing/test-archive.ts';
import type { TestServer } from './testing/test-server.ts';

type BadArchive = readonly [
  why: string,
  suite: Partial<SuiteParts>,
  code: string,
  change?: (archive: Archive) => unknown,
];

const path = 'dists/trixie/InRelease';
const indexPath = (server: TestServer): readonly string[] =>
  [...server.files.keys()].filter((name) => name.includes('binary-amd64'));

const badArchives: readonly BadArchive[] = [
  ['there is no such suite', {}, 'ARCHIVE_NOT_FOUND', ({ server }) => server.files.delete(path)],
  [
    'the file is not signed',
    {},
    'RELEASE_UNSIGNED',
    ({ server }) => server.files.set(path, Buffer.from('Codename: trixie\n')),
  ],
  ['another key signed it', { key: foreignKey }, 'RELEASE_UNTRUSTED'],
  [
    'it was changed',
    {},
    'RELEASE_UNTRUSTED',
    ({ server }) =>
      server.files.set(
        path,
        Buffer.from(
          Buffer.from(server.files.get(path) as Uint8Array)
            .toString()
            .replace('main', 'evil'),
        ),
      ),
  ],
  ['it is for another suite', { release: { Codename: 'sid', Suite: 'unstable' } }, 'RELEASE_MISMATCH'],
  ['it has expired', { release: { 'Valid-Until': 'Sun, 22 Nov 2026 07:59:59 UTC' } }, 'RELEASE_EXPIRED'],
  ['it was made tomorrow', { release: { Date: 'Mon, 23 Nov 2026 08:00:00 UTC' } }, 'RELEASE_IN_FUTURE'],
  ['it has no date', { release: { Date: undefined } }, 'RELEASE_INVALID'],
  [
    'it is endless',
    {},
    'ARCHIVE_RESPONSE',
    ({ server }) =>
      server.files.set(path, (_request, response) => {
        const more = (): void => {
          while (response.write(Buffer.alloc(1024 * 1024)));
        };
        response.on('drain', more);
        more();
      }),
  ],
  [
    'it is cut off',
    {},
    'ARCHIVE_UNREACHABLE',
    ({ server }) =>
      server.files.set(path, (_request, response) => {
        response.writeHead(200, { 'content-length': 100_000 }).write('-----BEGIN PGP SIGNED MESSAGE-----\n');
        setImmediate(() => response.destroy());
      }),
  ],
  [
    'the server is broken',
    {},
    'ARCHIVE_UNREACHABLE',
    ({ server }) => server.files.set(path, (_request, response) => response.writeHead(500).end()),
  ],
  ['there is nothing for the architecture', { architecture: 'arm64' }, 'INDEX_MISSING'],
  [
    'the index has another content',
    {},
    'INDEX_MISMATCH',
    ({ server }) => {
      for (const name of indexPath(server))
        server.files.set(name, Buffer.alloc((server.files.get(name) as Uint8Array).length));
    },
  ],
  [
    'the index is shorter',
    {},
    'INDEX_MISMATCH',
    ({ server }) => {
      for (const name of indexPath(server)) server.files.set(name, Buffer.from('short'));
    },
  ],
  [
    'the index is longer',
    {},
    'ARCHIVE_RESPONSE',
    ({ server }) => {
      for (const name of indexPath(server))
        server.files.set(name, Buffer.concat([server.files.get(name) as Uint8Array, Buffer.alloc(1)]));
    },
  ],
  [
    'the index is not there',
    {},
    'ARCHIVE_NOT_FOUND',
    ({ server }) => {
      for (const name of indexPath(server)) server.files.delete(name);
    },
  ],
  ['the index is signed but no xz', { index: Buffer.from('Package: app\n') }, 'INDEX_INVALID'],
  [
    'the index is signed but no index',
    { compression: 'none', index: Buffer.from('Package: app\n') },
    'INDEX_INVALID',
  ],
];

for (const [why, suite, code, change] of badArchives) {
  test(`resolvePackages() fails with ${code} if ${why}`, async (t) => {
    const archive = await startArchive(t, suite);
    change?.(archive);
    const error = await t.throwsAsync(resolvePackages(archive.options), { code });
    t.truthy((error as { hint?: string } | undefined)?.hint, 'a hint');
    const kept = await readdir(join(archive.options.cacheDir, 'indexes')).catch(() => []);
    t.deepEqual(kept, [], 'nothing is kept of what was refused');
  });
}

const wishes: readonly (readonly [
  why: string,
  index: string,
  wanted: string,
  code: string,
  pattern: RegExp,
])[] = [
  [
    'a name with letters swapped',
    'afnix; nginx; xonix',
    'ngnix',
    'PACKAGE_UNKNOWN',
    /"ngnix".*did you mean nginx or/,
  ],
  [
    'several names that are mistyped',
    'nginx; redis; python3',
    'ngnix python3 rediss xyzzyxyzzy',
    'PACKAGE_UNKNOWN',
    /no packages "ngnix", "rediss", "xyzzyxyzzy" in .*nginx for "ngnix"\? did you mean redis for "rediss"\? look for "xyzzyxyzzy"/,
  ],
  [
    'a part of a name',
    'postgresql-17; postgresql-client-17',
    'postgresql',
    'PACKAGE_UNKNOWN',
    /did you mean postgresql-17 or postgresql-client-17/,
  ],
  [
    'a name that is like nothing',
    'nginx',
    'completely-different',
    'PACKAGE_UNKNOWN',
    /look for its name in the archive/,
  ],
  [
    'a virtual package that several provide',
    'a Provides: mta; b Provides: mta',
    'mta',
    'PACKAGE_AMBIGUOUS',
    /several.*a, b/,
  ],
  [
    'a missing dependency',
    'a Depends: b; b Depends: c',
    'a',
    'PACKAGE_UNSATISFIABLE',
    /b needs c, but c is not in the archive \(needed by a\)/,
  ],
  [
    'a dependency on a version that is not there',
    'a Depends: b (>= 9); b',
    'a',
    'PACKAGE_UNSATISFIABLE',
    /a needs b \(>= 9\), but the archive has b 1\.0, which is not b \(>= 9\)/,
  ],
  [
    'alternatives of which none is there',
    'a Depends: b | c',
    'a',
    'PACKAGE_UNSATISFIABLE',
    /a needs b \| c, but b is not in the archive, c is not in the archive/,
  ],
  [
    'packages that conflict',
    'a Conflicts: b; b',
    'a b',
    'PACKAGE_CONFLICT',
    /a can't be together with b.*leave out one of them,/,
  ],
  [
    'packages that need others that conflict',
    'a Depends: c; b Depends: d; c Conflicts: d; d',
    'a b',
    'PACKAGE_CONFLICT',
    /b needs d, but d can't be together with c \(needed by a\).*leave out one of the packages that lead/,
  ],
];

for (const [why, index, wanted, code, pattern] of wishes) {
  test(`resolvePackages() explains ${why}`, async (t) => {
    const stanzas = index.split('; ').map((text) => {
      const [, name = '', field = 'X', value = ''] = /^(\S+)(?: (\w+): (.*))?$/.exec(text) ?? [];
      return makePackage({ Package: name, [field]: value });
    });
    const { options } = await startArchive(t, { packages: stanzas });
    const failing = resolvePackages({ ...options, packages: wanted.split(' ') });
    const error = await t.throwsAsync(failing, { code });
    t.regex(`${error?.message}: ${(error as { hint?: string } | undefined)?.hint}`, pattern);
  });
}
