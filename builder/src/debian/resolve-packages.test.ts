import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProgressEvent } from '@img/spec/progress';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import type { ReleaseRecord, ResolveOptions } from './resolution.ts';
import { resolvePackages } from './resolve-packages.ts';
import { customSystem, type DebianSystem, debianSystem } from './system.ts';
import {
  archiveDate,
  makePackage,
  makeSuite,
  type SuiteParts,
  signText,
  testNow,
} from './testing/test-archive.ts';
import { makeKey } from './testing/test-keys.ts';
import { startServer, type TestServer } from './testing/test-server.ts';

const key = await makeKey();
const otherKey = await makeKey();

const packages = [
  makePackage({ Package: 'app', Version: '2.0', Depends: 'libone (>= 1), debconf' }),
  makePackage({ Package: 'libone', Version: '1.5' }),
  makePackage({ Package: 'debconf', Depends: 'perl-base' }),
  makePackage({ Package: 'perl-base' }),
];

type Archive = {
  readonly server: TestServer;
  readonly options: ResolveOptions & { retryDelaysMs: number[] };
};

/** A server with suites, and options that resolve `app` from it. */
async function startArchive(
  t: ExecutionContext,
  ...suites: readonly Partial<SuiteParts>[]
): Promise<Archive> {
  const parts = suites.length === 0 ? [{}] : suites;
  const files = await Promise.all(parts.map((part) => makeSuite({ key, packages, ...part })));
  const server = await startServer(t, ...files);
  const names = parts.map(({ suite = 'trixie' }) => suite);
  const system = await customSystem({ mirror: server.url, suites: names, keyring: key.keyring });
  const cacheDir = join(await temporaryFolder(t), 'cache');
  const aptFolder = await temporaryFolder(t);
  return {
    server,
    options: {
      system,
      architecture: 'amd64',
      packages: ['app'],
      now: testNow,
      cacheDir,
      aptFolder,
      retryDelaysMs: [],
    },
  };
}

const namesOf = (list: readonly { readonly name: string }[]): string =>
  list.map(({ name }) => name).join(' ');

test('resolvePackages() selects what the wanted packages need and says what it is based on', async (t) => {
  const { options, server } = await startArchive(t);
  const { packages: chosen, releases, dropped } = await resolvePackages(options);
  t.is(namesOf(chosen), 'app libone');
  t.deepEqual(dropped, ['debconf', 'perl-base']);
  const [release] = releases;
  t.is(releases.length, 1);
  t.is(release?.suite, 'trixie');
  t.is(release?.date, '2026-11-21T08:00:00Z');
  t.is(release?.keyFingerprint, key.fingerprint);
  t.false(
    JSON.stringify(releases).includes(new URL(server.url).host),
    'the mirror is nobody else’s business',
  );
  const [app] = chosen;
  t.is(app?.path, 'pool/main/app_2.0_amd64.deb');
  t.is(app?.suite, 'trixie');
});

test('resolvePackages() keeps what only scripts need if it is told to, or if it is asked for', async (t) => {
  const { options } = await startArchive(t);
  const kept = await resolvePackages({ ...options, keepScriptOnly: true });
  t.is(namesOf(kept.packages), 'app debconf libone perl-base');
  t.deepEqual(kept.dropped, []);
  const asked = await resolvePackages({ ...options, packages: ['app', 'debconf'] });
  t.is(namesOf(asked.packages), 'app debconf libone perl-base');
});

test('resolvePackages() keeps what a package of the same source needs', async (t) => {
  const dpkg = [
    makePackage({ Package: 'dpkg-dev', Source: 'dpkg', Depends: 'dpkg' }),
    makePackage({ Package: 'dpkg', Depends: 'tar' }),
    makePackage({ Package: 'tar' }),
    makePackage({ Package: 'python', Depends: 'dpkg' }),
  ];
  const { options } = await startArchive(t, { packages: dpkg });
  t.is(
    namesOf((await resolvePackages({ ...options, packages: ['dpkg-dev'] })).packages),
    'dpkg dpkg-dev tar',
  );
  t.is(namesOf((await resolvePackages({ ...options, packages: ['python'] })).packages), 'python');
});

test('resolvePackages() reads an index once and takes it from the cache until it changes', async (t) => {
  const { options, server } = await startArchive(t);
  const events: ProgressEvent[] = [];
  const first = await resolvePackages({ ...options, onProgress: (event) => events.push(event) });
  t.is(server.requests.filter((path) => path.includes('by-hash')).length, 1);
  t.deepEqual(
    events.map(({ kind }) => kind),
    ['start', 'advance', 'done'],
  );
  events.length = 0;
  const second = await resolvePackages({ ...options, onProgress: (event) => events.push(event) });
  t.is(server.requests.filter((path) => path.includes('by-hash')).length, 1);
  t.deepEqual(
    events.map(({ kind }) => kind),
    ['skip'],
  );
  t.deepEqual(second, first);
});

test('resolvePackages() makes a damaged index in the cache again', async (t) => {
  const { options } = await startArchive(t);
  const first = await resolvePackages(options);
  const folder = join(options.cacheDir, 'indexes');
  const [name = ''] = await readdir(folder);
  await writeFile(join(folder, name), 'damaged');
  t.deepEqual(await resolvePackages(options), first);
});

test('resolvePackages() takes the newest of all suites', async (t) => {
  const fixed = makePackage({ Package: 'libone', Version: '1.5+deb13u1' });
  const suites = [{}, { suite: 'trixie-security', packages: [fixed] }];
  const { options } = await startArchive(t, ...suites);
  const { packages: chosen, releases } = await resolvePackages(options);
  t.deepEqual(
    releases.map(({ suite }) => suite),
    ['trixie', 'trixie-security'],
  );
  const libone = chosen.find(({ name }) => name === 'libone');
  t.is(libone?.version, '1.5+deb13u1');
  t.is(libone?.suite, 'trixie-security');
});

for (const compression of ['xz', 'gz', 'none'] as const) {
  test(`resolvePackages() reads an index with the compression ${compression}`, async (t) => {
    const { options } = await startArchive(t, { compression });
    t.is(namesOf((await resolvePackages(options)).packages), 'app libone');
  });
}

test('resolvePackages() reads indexes where a mirror has no by-hash', async (t) => {
  const { options, server } = await startArchive(t);
  for (const path of server.files.keys()) if (path.includes('by-hash')) server.files.delete(path);
  t.is(namesOf((await resolvePackages(options)).packages), 'app libone');
});

test('resolvePackages() asks for by-hash only where the archive says that it has it', async (t) => {
  const { options, server } = await startArchive(t, { release: { 'Acquire-By-Hash': undefined } });
  await resolvePackages(options);
  t.false(server.requests.some((path) => path.includes('by-hash')));
});

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
  ['another key signed it', { key: otherKey }, 'RELEASE_UNTRUSTED'],
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
    t.truthy((error as { hint?: string } | undefined)?.hint ?? code.endsWith('INVALID'), 'a hint');
    const kept = await readdir(join(archive.options.cacheDir, 'indexes')).catch(() => []);
    t.deepEqual(kept, [], 'nothing is kept of what was refused');
  });
}

test('resolvePackages() refuses a release that is older than what the lock has, and takes a newer one', async (t) => {
  const { options } = await startArchive(t);
  const { releases } = await resolvePackages(options);
  const [release] = releases as [ReleaseRecord];
  const newer = { ...release, date: '2026-11-21T08:00:01Z' };
  await t.throwsAsync(resolvePackages({ ...options, previous: [newer] }), { code: 'RELEASE_ROLLED_BACK' });
  await t.notThrowsAsync(resolvePackages({ ...options, previous: [release] }));
  await t.notThrowsAsync(resolvePackages({ ...options, previous: [{ ...newer, suite: 'other' }] }));
});

test('resolvePackages() accepts an expired release if it may, and says so', async (t) => {
  const { options } = await startArchive(t, { release: { 'Valid-Until': 'Sun, 22 Nov 2026 07:59:59 UTC' } });
  const notes: string[] = [];
  const onProgress = (event: ProgressEvent): void => {
    if (event.kind === 'note') notes.push(event.text);
  };
  await resolvePackages({ ...options, allowExpired: true, onProgress });
  t.is(notes.length, 1);
  t.regex(notes[0] ?? '', /security updates may be missing/);
});

test('resolvePackages() tries again after a failure that may pass', async (t) => {
  const { options, server } = await startArchive(t);
  const good = server.files.get(path) as Uint8Array;
  server.files.set(path, (_request, response) => {
    server.files.set(path, good);
    response.writeHead(503).end();
  });
  t.is(namesOf((await resolvePackages({ ...options, retryDelaysMs: [0] })).packages), 'app libone');
});

test('resolvePackages() stops when it is told to, and leaves nothing half-made', async (t) => {
  const { options, server } = await startArchive(t);
  const stop = new AbortController();
  for (const name of indexPath(server)) {
    server.files.set(name, (_request, response) => {
      response.writeHead(200).write('x');
      stop.abort(new Error('enough'));
    });
  }
  await t.throwsAsync(resolvePackages({ ...options, signal: stop.signal }), { message: 'enough' });
  t.deepEqual(await readdir(options.cacheDir).catch(() => []), []);
});

test('resolvePackages() says that the cache can’t be written to', async (t) => {
  const { options } = await startArchive(t);
  await writeFile(options.cacheDir, 'a file in its place');
  await t.throwsAsync(resolvePackages(options), { code: 'CACHE_UNWRITABLE', message: /not a folder/ });
});

const wishes: readonly (readonly [
  why: string,
  index: string,
  wanted: string,
  code: string,
  pattern: RegExp,
])[] = [
  ['a name that is mistyped', 'nginx; libnginx', 'ngnix', 'PACKAGE_UNKNOWN', /"ngnix".*did you mean nginx/],
  [
    'a part of a name',
    'postgresql-17; postgresql-client-17',
    'postgresql',
    'PACKAGE_UNKNOWN',
    /did you mean postgresql-17 or postgresql-client-17/,
  ],
  ['a name that is like nothing', 'nginx', 'completely-different', 'PACKAGE_UNKNOWN', /packages.debian.org/],
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
    /a can't be together with b.*leave out one/,
  ],
  [
    'packages that need others that conflict',
    'a Depends: c; b Depends: d; c Conflicts: d; d',
    'a b',
    'PACKAGE_CONFLICT',
    /b needs d, but d can't be together with c \(needed by a\)/,
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

test('resolvePackages() takes the only provider for a virtual package', async (t) => {
  const { options } = await startArchive(t, { packages: [makePackage({ Package: 'a', Provides: 'v' })] });
  t.is(namesOf((await resolvePackages({ ...options, packages: ['v'] })).packages), 'a');
});

/** A system like Debian's, with keys of our own. */
async function debianLike(): Promise<DebianSystem> {
  const { suites } = await customSystem({
    mirror: 'http://unused.example',
    suites: ['x'],
    keyring: key.keyring,
  });
  const keys = suites[0]?.keys ?? [];
  const main = { components: ['main'], archive: 'debian', mirrors: [], keys } as const;
  return {
    name: 'debian:13',
    suites: [
      { suite: 'trixie', ...main },
      { ...main, suite: 'trixie-security', archive: 'debian-security' },
    ],
  };
}

async function startMirror(
  t: ExecutionContext,
): Promise<{ server: TestServer; options: Archive['options'] }> {
  const { options } = await startArchive(t);
  const main = await makeSuite({ key, packages });
  const security = await makeSuite({ key, suite: 'trixie-security' });
  const under = (folder: string, files: ReadonlyMap<string, Uint8Array>) =>
    new Map([...files].map(([name, bytes]) => [`${folder}/${name}`, bytes] as const));
  const server = await startServer(t, under('debian', main), under('debian-security', security));
  return { server, options: { ...options, system: await debianLike() } };
}

test("resolvePackages() finds the archive in the machine's apt sources, and security beside it", async (t) => {
  const { server, options } = await startMirror(t);
  await writeFile(join(options.aptFolder ?? '', 'sources.list'), `deb ${server.url}/debian bookworm main\n`);
  const { releases } = await resolvePackages(options);
  t.deepEqual(
    releases.map(({ suite }) => suite),
    ['trixie', 'trixie-security'],
  );
});

test('resolvePackages() passes over a source that isn’t the archive, with a note', async (t) => {
  const { server, options } = await startMirror(t);
  const foreign = await makeSuite({ key: otherKey });
  for (const [name, bytes] of foreign) server.files.set(`foreign/${name}`, bytes);
  const parts = join(options.aptFolder ?? '', 'sources.list.d');
  await mkdir(parts);
  const sources = (name: string): string =>
    `Types: deb\nURIs: ${server.url}/${name}\nSuites: trixie\nComponents: main\n`;
  await writeFile(join(parts, 'a.sources'), sources('foreign'));
  await writeFile(join(parts, 'b.sources'), sources('debian'));
  const notes: string[] = [];
  const onProgress = (event: ProgressEvent): void => {
    if (event.kind === 'note') notes.push(event.text);
  };
  const { releases } = await resolvePackages({ ...options, onProgress });
  t.is(releases.length, 2);
  t.regex(notes.join('\n'), /foreign.*not signed by a key that counts.*trying .*\/debian/);
});

test('resolvePackages() never does without security updates silently', async (t) => {
  const { server, options } = await startMirror(t);
  for (const name of server.files.keys()) if (name.startsWith('debian-security/')) server.files.delete(name);
  const system = {
    ...options.system,
    suites: options.system.suites.map((suite) =>
      suite.archive === 'debian-security' ? { ...suite, mirrors: [`${server.url}/debian-security`] } : suite,
    ),
  };
  const error = await t.throwsAsync(resolvePackages({ ...options, system, mirror: `${server.url}/debian` }), {
    code: 'ARCHIVE_NOT_FOUND',
  });
  t.regex((error as { hint?: string } | undefined)?.hint ?? '', /security updates must not be missed/);
});

test('debianSystem() knows Debian 12 and 13 with updates and security', async (t) => {
  const { suites } = await debianSystem('debian:13');
  t.deepEqual(
    suites.map(({ suite }) => suite),
    ['trixie', 'trixie-updates', 'trixie-security'],
  );
  t.is((await debianSystem('debian:12')).suites[0]?.suite, 'bookworm');
  for (const name of ['debian', 'debian:99', 'ubuntu:24.04', 'toString', '']) {
    await t.throwsAsync(debianSystem(name), { code: 'SYSTEM_UNKNOWN' });
  }
});

const badSystems: readonly (readonly [why: string, change: object])[] = [
  ['no suite', { suites: [] }],
  ['a suite that leads up', { suites: ['../../etc'] }],
  ['a component that is an address', { components: ['http://x'] }],
];

for (const [why, change] of badSystems) {
  test(`customSystem() refuses ${why}`, async (t) => {
    const good = { mirror: 'http://mirror.example/debian', suites: ['trixie'], keyring: key.keyring };
    await t.notThrowsAsync(customSystem(good));
    await t.throwsAsync(customSystem({ ...good, ...change }), { code: 'SYSTEM_UNKNOWN' });
  });
}

test("resolvePackages() works with the machine's real mirror of Debian", async (t) => {
  const system = await debianSystem('debian:13');
  const cacheDir = await temporaryFolder(t);
  const options = { system, architecture: 'amd64', packages: ['python3-minimal'], now: new Date(), cacheDir };
  const result = await resolvePackages({ ...options, allowExpired: true, retryDelaysMs: [] }).catch(
    (error: { code?: string; message: string }) => {
      if (error.code !== 'ARCHIVE_UNREACHABLE') throw error;
      t.log(`left out: the network is away: ${error.message}`);
    },
  );
  if (result === undefined) {
    t.pass();
    return;
  }
  const names = result.packages.map(({ name }) => name);
  for (const name of ['python3-minimal', 'libc6', 'zlib1g']) t.true(names.includes(name), name);
  for (const name of ['dpkg', 'tar', 'debconf', 'perl-base']) t.false(names.includes(name), name);
  t.is(result.releases.length, 3);
});

test('the signature of a test archive is made like a real one', async (t) => {
  const signed = (await signText('Codename: trixie\n', key, archiveDate)).toString();
  t.regex(signed, /^-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nCodename: trixie/);
});
