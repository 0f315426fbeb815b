import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parsePlatform } from '@img/spec/platform';
import type { ProgressEvent } from '@img/spec/progress';
import test, { type ExecutionContext } from 'ava';
import { debianArchitecture } from './architecture.ts';
import { resolvePackages } from './resolve-packages.ts';
import { customSystem, type DebianSystem, debianSystem } from './system.ts';
import {
  type Archive,
  archiveKey,
  archivePackages,
  foreignKey,
  startArchive,
} from './testing/start-archive.ts';
import { makeSuite } from './testing/test-archive.ts';
import { startServer, type TestServer } from './testing/test-server.ts';

test('debianSystem() knows Debian 12 and 13 with updates and security', async (t) => {
  const { suites } = await debianSystem('debian:13');
  t.deepEqual(
    suites.map(({ suite }) => suite),
    ['trixie', 'trixie-updates', 'trixie-security'],
  );
  t.is((await debianSystem('debian:12')).suites[0]?.suite, 'bookworm');
  for (const name of ['debian', 'debian:99', 'ubuntu:99.04', 'toString', '']) {
    await t.throwsAsync(debianSystem(name), { code: 'SYSTEM_UNKNOWN' });
  }
});

test('debianSystem() knows Ubuntu 22.04 and 24.04 with updates and security, main and universe', async (t) => {
  const { suites } = await debianSystem('ubuntu:24.04');
  t.deepEqual(
    suites.map(({ suite }) => suite),
    ['noble', 'noble-updates', 'noble-security'],
  );
  for (const { archive, components, keys } of suites) {
    t.is(archive, 'ubuntu');
    t.deepEqual(components, ['main', 'universe']);
    t.deepEqual(
      keys.map(({ fingerprint }) => fingerprint),
      ['F6ECB3762474EDA9D21B7022871920D1991BC93C'],
    );
  }
  t.is((await debianSystem('ubuntu:22.04')).suites[0]?.suite, 'jammy');
});

const badSystems: readonly (readonly [why: string, change: object])[] = [
  ['no suite', { suites: [] }],
  ['a suite that leads up', { suites: ['../../etc'] }],
  ['a component that is an address', { components: ['http://x'] }],
];

for (const [why, change] of badSystems) {
  test(`customSystem() refuses ${why}`, async (t) => {
    const good = { mirror: 'http://mirror.example/debian', suites: ['trixie'], keyring: archiveKey.keyring };
    await t.notThrowsAsync(customSystem(good));
    await t.throwsAsync(customSystem({ ...good, ...change }), { code: 'SYSTEM_UNKNOWN' });
  });
}

const architectures: readonly (readonly [platform: string, name: string])[] = [
  ['linux/amd64', 'amd64'],
  ['linux/x86_64', 'amd64'],
  ['linux/amd64/v3', 'amd64'],
  ['linux/arm64/v8', 'arm64'],
  ['linux/arm', 'armhf'],
  ['linux/arm/v6', 'armel'],
  ['linux/386', 'i386'],
  ['linux/ppc64le', 'ppc64el'],
];

for (const [platform, name] of architectures) {
  test(`debianArchitecture() calls ${platform} ${name}`, (t) => {
    t.is(debianArchitecture(parsePlatform(platform)), name);
  });
}

for (const platform of ['windows/amd64', 'linux/sparc', 'linux/wasm']) {
  test(`debianArchitecture() refuses ${platform}`, (t) => {
    t.throws(() => debianArchitecture(parsePlatform(platform)), { code: 'SYSTEM_UNKNOWN' });
  });
}

/** A system like Debian's, with keys of our own. */
async function debianLike(): Promise<DebianSystem> {
  const { suites } = await customSystem({
    mirror: 'http://unused.example',
    suites: ['x'],
    keyring: archiveKey.keyring,
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
  const main = await makeSuite({ key: archiveKey, packages: archivePackages });
  const security = await makeSuite({ key: archiveKey, suite: 'trixie-security' });
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
  const foreign = await makeSuite({ key: foreignKey });
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
