import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import type { ProgressEvent } from '@img/spec/progress';
import test from 'ava';
import type { ReleaseRecord } from './resolution.ts';
import { resolvePackages } from './resolve-packages.ts';
import { debianSystem } from './system.ts';
import { whenOnline } from './testing/real-archive.ts';
import { archiveKey, archivePackages, namesOf, startArchive } from './testing/start-archive.ts';
import { makePackage, makeSuite } from './testing/test-archive.ts';
import { startServer } from './testing/test-server.ts';

const path = 'dists/trixie/InRelease';

test('resolvePackages() selects what the wanted packages need and says what it is based on', async (t) => {
  const { options, server } = await startArchive(t);
  const { packages: chosen, releases, dropped } = await resolvePackages(options);
  t.is(namesOf(chosen), 'app libone');
  t.deepEqual(dropped, ['debconf', 'perl-base']);
  const [release] = releases;
  t.is(releases.length, 1);
  t.is(release?.suite, 'trixie');
  t.is(release?.date, '2026-11-21T08:00:00Z');
  t.is(release?.keyFingerprint, archiveKey.fingerprint);
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

test('resolvePackages() takes an index from another mirror where the first is not in step with itself', async (t) => {
  const { options, server } = await startArchive(t);
  const good = await startServer(t, await makeSuite({ key: archiveKey, packages: archivePackages }));
  for (const name of server.files.keys()) {
    if (name.includes('by-hash')) server.files.delete(name);
    else if (name.includes('binary-amd64')) server.files.set(name, Buffer.from('of yesterday'));
  }
  let missingBytes = 0;
  const mirrors = [server.url, good.url];
  const suites = options.system.suites.map((suite) => ({ ...suite, mirrors }));
  const notes: string[] = [];
  const result = await resolvePackages({
    ...options,
    system: { ...options.system, suites },
    onProgress: (event) => {
      if (event.kind === 'note') notes.push(event.text);
      if (event.kind === 'start') missingBytes += event.totalBytes ?? 0;
      if (event.kind === 'advance') missingBytes -= event.bytes;
    },
  });
  t.is(missingBytes, 0, 'what the first sent is not counted twice');
  t.is(namesOf(result.packages), 'app libone');
  t.is(good.requests.length, 1, 'the InRelease file of the first is good');
  t.regex(notes.join(' '), /is not what the signed Release file says.*; trying /);
});

test('resolvePackages() stops when it is told to, and leaves nothing half-made', async (t) => {
  const { options, server } = await startArchive(t);
  const stop = new AbortController();
  for (const name of [...server.files.keys()].filter((file) => file.includes('binary-amd64'))) {
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

test('resolvePackages() takes the only provider for a virtual package', async (t) => {
  const { options } = await startArchive(t, { packages: [makePackage({ Package: 'a', Provides: 'v' })] });
  t.is(namesOf((await resolvePackages({ ...options, packages: ['v'] })).packages), 'a');
});

test("resolvePackages() works with the machine's real mirror of Debian", async (t) => {
  const system = await debianSystem('debian:13');
  const cacheDir = temporaryFolder(t);
  const options = { system, architecture: 'amd64', packages: ['python3-minimal'], now: new Date(), cacheDir };
  const result = await whenOnline(t, () =>
    resolvePackages({ ...options, allowExpired: true, retryDelaysMs: [] }),
  );
  if (result === undefined) return;
  const names = result.packages.map(({ name }) => name);
  for (const name of ['python3-minimal', 'libc6', 'zlib1g']) t.true(names.includes(name), name);
  for (const name of ['dpkg', 'tar', 'debconf', 'perl-base']) t.false(names.includes(name), name);
  t.is(result.releases.length, 3);
});
