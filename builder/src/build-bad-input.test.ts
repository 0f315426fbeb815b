import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, digestHex, digestOf } from '@img/spec/digest';
import test, { type ExecutionContext } from 'ava';
import type { BuildFolderOptions } from './build-folder.ts';
import type { BuilderErrorCode } from './builder-error.ts';
import { makeSuite, type SuiteParts } from './debian/testing/test-archive.ts';
import { makeKey } from './debian/testing/test-keys.ts';
import { makeAr } from './testing/make-deb.ts';
import { archivePackage, type TestDeb, TestSystem, testPackages } from './testing/test-system.ts';

// What goes wrong between a good build and the next one, which must be as good.

type BadInput = {
  readonly why: string;
  readonly code: BuilderErrorCode;
  readonly message: RegExp;
  readonly hint?: RegExp;
  /** The img.yaml behind name, version and os, if it is another one. */
  readonly lines?: string;
  readonly options?: Partial<BuildFolderOptions>;
  readonly change?: (system: TestSystem) => Promise<unknown> | unknown;
};

const newest: Partial<BuildFolderOptions> = { updates: 'all' };
const release = 'dists/trixie/InRelease';

const textOf = ({ server }: TestSystem, path: string) =>
  Buffer.from(server.files.get(path) as Uint8Array).toString();

/** Replaces what the archive has by a suite that is made otherwise. */
async function publish(
  system: TestSystem,
  parts: Partial<SuiteParts>,
  debs: readonly TestDeb[] = testPackages,
) {
  const packages = await Promise.all(debs.map(archivePackage));
  system.server.files.clear();
  const suite = await makeSuite({ key: system.key, packages, ...parts });
  for (const [path, bytes] of suite) system.server.files.set(path, bytes);
}

const replaceAll = ({ server }: TestSystem, part: string, replace: (bytes: Uint8Array) => Uint8Array) => {
  for (const [path, bytes] of server.files) {
    if (path.includes(part)) server.files.set(path, replace(bytes as Uint8Array));
  }
};

/** Signs a package whose bytes are made by hand. */
async function publishBroken(system: TestSystem, bytes: Uint8Array): Promise<void> {
  const made = await archivePackage({ name: 'evil', data: [] });
  const fields = { ...made.fields, Size: String(bytes.byteLength), SHA256: digestHex(digestOf(bytes)) };
  const packages = await Promise.all(testPackages.map(archivePackage));
  const suite = await makeSuite({ key: system.key, packages: [...packages, { fields, content: bytes }] });
  for (const [path, content] of suite) system.server.files.set(path, content);
}

const isOther = 'packages: [evil, tool]\n';

const badInputs: readonly BadInput[] = [
  {
    why: 'metadata that nobody signed',
    code: 'RELEASE_UNSIGNED',
    message: /InRelease/,
    options: newest,
    change: ({ server }) => server.files.set(release, Buffer.from('Codename: trixie\n')),
  },
  {
    why: 'metadata that somebody else signed',
    code: 'RELEASE_UNTRUSTED',
    message: /is not trusted/,
    options: newest,
    change: async (system) => publish(system, { key: await makeKey() }),
  },
  {
    why: 'metadata that was changed',
    code: 'RELEASE_UNTRUSTED',
    message: /not valid/,
    options: newest,
    change: (system) =>
      system.server.files.set(release, Buffer.from(textOf(system, release).replace('main', 'evil'))),
  },
  {
    why: 'metadata that has expired',
    code: 'RELEASE_EXPIRED',
    message: /Valid-Until|expired|valid until/i,
    options: newest,
    change: (system) => publish(system, { release: { 'Valid-Until': 'Sun, 22 Nov 2026 07:59:59 UTC' } }),
  },
  {
    why: 'metadata that is older than what the lock has seen',
    code: 'RELEASE_ROLLED_BACK',
    message: /was made on 2026-11-20T08:00:00Z, before the 2026-11-21T08:00:00Z that the lock has/,
    options: newest,
    change: (system) => publish(system, { date: new Date('2026-11-20T08:00:00Z') }),
  },
  {
    why: 'an index that was changed',
    code: 'INDEX_MISMATCH',
    message: /is not what the signed Release file says/,
    options: newest,
    change: async (system) => {
      // Dated anew, so that it isn't the index that the cache has.
      await publish(system, { date: new Date('2026-11-21T10:00:00Z') }, testPackages.slice(0, -1));
      replaceAll(system, 'binary-amd64', (bytes) => Buffer.alloc(bytes.byteLength));
    },
  },
  {
    why: 'a package with another digest',
    code: 'PACKAGE_MISMATCH',
    message: /small/,
    lines: 'packages: [small, tool]\n',
    change: (system) => replaceAll(system, 'small_', (bytes) => Buffer.alloc(bytes.byteLength)),
  },
  {
    why: 'a signed package that is no ar archive',
    code: 'AR_INVALID',
    message: /evil/,
    hint: /^the package is what its archive has signed/,
    lines: isOther,
    change: (system) => publishBroken(system, Buffer.from('no archive')),
  },
  {
    why: 'a signed package whose data are not what its name says',
    code: 'COMPRESSION_INVALID',
    message: /evil/,
    hint: /^the package is what its archive has signed/,
    lines: isOther,
    change: (system) =>
      publishBroken(
        system,
        makeAr([
          ['debian-binary', Buffer.from('2.0\n')],
          ['control.tar.gz', Buffer.from('no gzip')],
          ['data.tar.gz', Buffer.from('no gzip')],
        ]),
      ),
  },
  {
    why: 'a signed package whose tar is cut off',
    code: 'TAR_INVALID',
    message: /evil/,
    hint: /^the package is what its archive has signed/,
    lines: isOther,
    change: (system) =>
      publishBroken(
        system,
        makeAr([
          ['debian-binary', Buffer.from('2.0\n')],
          ['control.tar', Buffer.alloc(700, 'x')],
          ['data.tar', Buffer.alloc(700, 'x')],
        ]),
      ),
  },
  {
    why: 'a package that needs what is not there, with the chain that leads to it',
    code: 'PACKAGE_UNSATISFIABLE',
    message:
      /^lib-evil needs nothing-has-it, but nothing-has-it is not in the archive \(needed by evil\)$|^evil needs lib-evil, but lib-evil needs nothing-has-it/,
    hint: /add the component or suite that has it/,
    lines: isOther,
    change: (system) =>
      publish(system, {}, [
        ...testPackages,
        { name: 'evil', fields: { Depends: 'lib-evil' } },
        { name: 'lib-evil', fields: { Depends: 'nothing-has-it' } },
      ]),
  },
  {
    why: 'packages that exclude each other',
    code: 'PACKAGE_CONFLICT',
    message: /evil can't be together with tool|tool can't be together with evil/,
    hint: /leave out one of them, or put them into two images/,
    lines: isOther,
    change: (system) =>
      publish(system, {}, [...testPackages, { name: 'evil', fields: { Conflicts: 'tool' } }]),
  },
  {
    why: 'an unknown key, with its place and the nearest one',
    code: 'RECIPE_UNKNOWN_KEY',
    message: /img\.yaml:4:1: unknown key "pakcages"; did you mean "packages"\?$/,
    lines: 'pakcages: [tool]\n',
  },
  {
    why: 'a file that is not there',
    code: 'SOURCE_MISSING',
    message: /"keys.acs" is not in /,
    hint: /did you mean "keys\.asc"\?/,
    lines: 'packages: [tool]\nfiles: [{from: keys.acs, to: /}]\n',
  },
  {
    why: 'a lock that says something else',
    code: 'LOCK_OUTDATED',
    message: /small/,
    hint: /build once without --locked/,
    lines: 'packages: [small, tool]\n',
    options: { isLocked: true },
  },
  {
    why: 'a lock that is none',
    code: 'LOCK_INVALID',
    message: /img\.lock/,
    change: (system) => system.write({ 'img.lock': '{"version": 1' }),
  },
];

for (const { why, code, message, hint = /./, lines, options, change } of badInputs) {
  test(`buildFolder() refuses ${why}, says what to do, and leaves cache and images as they were`, async (t) => {
    const system = await TestSystem.start(t, 'packages: [tool]\n');
    const good = await system.build();
    const lock = await readFile(good.lockFile ?? '', 'utf8');
    const recipe = await readFile(join(system.folder, 'img.yaml'), 'utf8');
    const served = new Map(system.server.files);
    const stored = await filesOf(system.storeFolder);
    await change?.(system);
    if (lines !== undefined) await system.write({ 'img.yaml': system.recipe(lines) });
    const error = await t.throwsAsync<Error & { hint?: string }>(system.build(options), { code, message });
    t.regex(error?.hint ?? '', hint);
    t.deepEqual(await filesOf(system.storeFolder), stored);
    await t.notThrowsAsync(checkWhole(t, system, { lock, recipe, digest: good.image.descriptor.digest }));
    for (const [path, bytes] of served) system.server.files.set(path, bytes);
    await system.write({ 'img.yaml': system.recipe('packages: [small, tool]\n') });
    await t.notThrowsAsync(system.build());
  });
}

/** Builds what was good before, from the cache alone and from nothing but the downloads. */
async function checkWhole(
  t: ExecutionContext,
  system: TestSystem,
  { lock, recipe, digest }: { readonly lock: string; readonly recipe: string; readonly digest: Digest },
): Promise<void> {
  await system.write({ 'img.yaml': recipe, 'img.lock': lock });
  const requests = system.server.requests.length;
  t.is((await system.build({ isLocked: true })).image.descriptor.digest, digest);
  await rm(join(system.cacheFolder, 'layers-2'), { recursive: true });
  t.is((await system.build({ isLocked: true })).image.descriptor.digest, digest);
  t.is(system.server.requests.length, requests);
}

async function filesOf(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();
}
