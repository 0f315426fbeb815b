import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import { archivePackage, layersOf, TestSystem, testPackages } from '../testing/test-system.ts';
import { parseArchiveKeys } from './archive-key.ts';
import { fetchPackages } from './fetch-packages.ts';
import { fetchRelease } from './fetch-release.ts';
import { mirrorsOf } from './mirrors.ts';
import type { ResolveOptions } from './resolution.ts';
import { resolvePackages } from './resolve-packages.ts';
import { type DebianSystem, debianSystem } from './system.ts';
import { whenOnline } from './testing/real-archive.ts';
import { archiveKey, namesOf } from './testing/start-archive.ts';
import { makePackage, makeSuite, type SuiteParts, testNow } from './testing/test-archive.ts';
import type { TestKey } from './testing/test-keys.ts';
import { startServer } from './testing/test-server.ts';

type Suites = { readonly [suite: string]: Partial<SuiteParts> };

/** The files of suites whose Release files say what Ubuntu's do: one codename, no Valid-Until, all processors. */
async function makeUbuntu(key: TestKey, suites: Suites): Promise<Map<string, Uint8Array>> {
  const made = Object.entries(suites).map(([suite, parts]) => {
    const release = {
      Origin: 'Ubuntu',
      Label: 'Ubuntu',
      Suite: suite,
      Version: '24.04',
      Codename: 'noble',
      Architectures: 'amd64 arm64 armhf i386 ppc64el riscv64 s390x',
      Components: 'main restricted universe multiverse',
    };
    return makeSuite({ key, suite, release, universe: [], ...parts });
  });
  return new Map((await Promise.all(made)).flatMap((files) => [...files]));
}

/** Ubuntu as it is built in, but signed by a key of the tests. */
async function testUbuntu(): Promise<DebianSystem> {
  const system = await debianSystem('ubuntu:24.04');
  const keys = await parseArchiveKeys(archiveKey.keyring, 'the keyring');
  return { ...system, suites: system.suites.map((suite) => ({ ...suite, keys })) };
}

async function options(
  aptFolder: string,
  architecture: string,
): Promise<ResolveOptions & { retryDelaysMs: number[] }> {
  const system = await testUbuntu();
  const cacheDir = join(aptFolder, 'cache');
  const packages = ['app', 'extra'];
  return { system, architecture, packages, now: testNow, cacheDir, aptFolder, retryDelaysMs: [] };
}

function under(folder: string, files: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> {
  return new Map([...files].map(([name, bytes]) => [`${folder}/${name}`, bytes]));
}

const suitesFor = (architecture: string): Suites => {
  const make = (Package: string, Version: string, Architecture = architecture) =>
    makePackage({ Package, Version, Architecture, Depends: Package === 'app' ? 'lib' : 'common' });
  return {
    noble: {
      architecture,
      packages: [
        make('app', '1.0'),
        make('lib', '1.0'),
        makePackage({ Package: 'common', Architecture: 'all' }),
      ],
      universe: [make('extra', '1.0')],
    },
    'noble-updates': { architecture, packages: [make('app', '1.0-0ubuntu1')] },
    'noble-security': { architecture, packages: [make('lib', '1.0-0ubuntu0.24.04.1')] },
  };
};

test('buildFolder() makes an image of zst packages from an archive like Ubuntu’s', async (t) => {
  const system = await TestSystem.start(t, '');
  const packages = await Promise.all(
    testPackages.map((deb) => archivePackage({ ...deb, compression: 'zst' })),
  );
  const isSmall = (name: string): boolean => name === 'small';
  const fixed = await archivePackage({ name: 'libc6', version: '1.0-1ubuntu0.1', compression: 'zst' });
  const files = await makeUbuntu(system.key, {
    noble: {
      packages: packages.filter(({ fields }) => !isSmall(fields.Package)),
      universe: packages.filter(({ fields }) => isSmall(fields.Package)),
    },
    'noble-updates': {},
    'noble-security': { packages: [fixed] },
  });
  system.server.files.clear();
  for (const [path, bytes] of files) system.server.files.set(path, bytes);
  await system.write({
    'img.yaml':
      'name: com.example.app\nversion: 1.2.3\npackages: [tool, small]\n' +
      `os: {mirror: "${system.server.url}", suites: [noble, noble-updates, noble-security], components: [main, universe], keyring: keys.asc}\n`,
  });
  const built = await system.build();
  t.deepEqual(layersOf(built), [
    'Debian package tool 1.0-1',
    'Debian packages base-files 13.8, base-passwd 1.0-1, libc6 1.0-1ubuntu0.1, small 1.0-1',
    'users, alternatives and name service',
  ]);
  const again = await system.build();
  t.is(again.image.descriptor.digest, built.image.descriptor.digest);
});

test("resolvePackages() takes Ubuntu's newest of main and universe from the machine's sources", async (t) => {
  const files = await makeUbuntu(archiveKey, suitesFor('amd64'));
  const server = await startServer(t, under('ubuntu', files));
  const folder = temporaryFolder(t);
  await mkdir(join(folder, 'sources.list.d'));
  await writeFile(
    join(folder, 'sources.list.d', 'ubuntu.sources'),
    `Types: deb\nURIs: ${server.url}/ubuntu/\nSuites: noble noble-updates noble-backports\nComponents: main universe restricted multiverse\n` +
      `\nTypes: deb\nURIs: ${server.url}/ubuntu/\nSuites: noble-security\nComponents: main universe\n`,
  );
  const wanted = await options(folder, 'amd64');
  const { packages, releases } = await resolvePackages(wanted);
  t.deepEqual(
    packages.map(({ name, version, suite }) => `${name} ${version} ${suite}`),
    [
      'app 1.0-0ubuntu1 noble-updates',
      'common 1.0 noble',
      'extra 1.0 noble',
      'lib 1.0-0ubuntu0.24.04.1 noble-security',
    ],
  );
  t.deepEqual(
    releases.map(({ suite }) => suite),
    ['noble', 'noble-updates', 'noble-security'],
  );
  t.is((await fetchPackages(packages, wanted)).size, 4);
});

test('resolvePackages() finds other processors in the other half of Ubuntu’s archive', async (t) => {
  const main = under('ubuntu', await makeUbuntu(archiveKey, suitesFor('amd64')));
  const ports = under('ubuntu-ports', await makeUbuntu(archiveKey, suitesFor('arm64')));
  const server = await startServer(t, main, ports);
  const folder = temporaryFolder(t);
  const line = (name: string): string => `deb ${server.url}/${name} noble main universe\n`;
  await writeFile(join(folder, 'sources.list'), `${line('ubuntu')}${line('ubuntu-ports')}`);
  const wanted = await options(folder, 'arm64');
  const { packages } = await resolvePackages(wanted);
  t.is(namesOf(packages), 'app common extra lib');
  t.is((await fetchPackages(packages, wanted)).size, 4);
  const asked = server.requests.filter((path) => path.startsWith('ubuntu/'));
  t.true(
    asked.every((path) => path.endsWith('_all.deb')),
    asked.join(' '),
  );
});

test('resolvePackages() refuses the updates of an Ubuntu release in its place', async (t) => {
  const files = await makeUbuntu(archiveKey, suitesFor('amd64'));
  const updates = files.get('dists/noble-updates/InRelease');
  if (updates === undefined) throw new Error('the suite should have a Release file');
  files.set('dists/noble/InRelease', updates);
  const { url } = await startServer(t, files);
  const wanted = await options(temporaryFolder(t), 'amd64');
  await t.throwsAsync(resolvePackages({ ...wanted, mirror: url }), {
    code: 'RELEASE_MISMATCH',
    message: /is for "noble-updates", not for "noble"/,
  });
});

test("fetchRelease() trusts Ubuntu's real archive", async (t) => {
  for (const name of ['ubuntu:22.04', 'ubuntu:24.04']) {
    const { suites } = await debianSystem(name);
    for (const choice of suites) {
      const mirrors = mirrorsOf(choice, { mirror: undefined, sources: [], architecture: 'amd64' });
      const fetched = await whenOnline(t, () =>
        fetchRelease(choice, mirrors, { now: new Date(), retryDelaysMs: [] }),
      );
      if (fetched === undefined) return;
      t.is(fetched.release.suite, choice.suite);
      for (const component of choice.components) {
        t.true(
          fetched.release.files.has(`${component}/binary-amd64/Packages.xz`),
          `${choice.suite} ${component}`,
        );
      }
    }
  }
});
