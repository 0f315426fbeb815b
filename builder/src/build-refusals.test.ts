import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { codeOf, layersOf, noise, type TestDeb, TestSystem, testPackages } from './testing/test-system.ts';

const refused: readonly [
  why: string,
  lines: string,
  code: string,
  files?: { readonly [path: string]: string },
][] = [
  ['packages that have the same file', 'packages: [small, clash]\n', 'PATH_CONFLICT'],
  ['a package that does not exist', 'packages: [smal]\n', 'PACKAGE_UNKNOWN'],
  ['a program that is not there', 'packages: [tool]\nrun: {cmd: [toool]}\n', 'PROGRAM_MISSING'],
  [
    'a script of its own without its shell',
    'files: [{from: run.sh, to: /, mode: "0755"}]\nrun: {cmd: [/run.sh]}\n',
    'PROGRAM_MISSING',
    { 'run.sh': '#!/bin/sh\n' },
  ],
  ['a file that is not there', 'files: [{from: missing, to: /}]\n', 'SOURCE_MISSING'],
  ['an owner that nobody has', 'files: [{from: a, to: /, owner: web}]\n', 'OWNER_UNKNOWN', { a: '' }],
  ['a group of the user that nobody has', 'run: {user: "root:web"}\n', 'OWNER_UNKNOWN'],
  [
    'a folder where a package has a file',
    'packages: [tool]\nfiles: [{from: a, to: /usr/bin/tool}]\n',
    'PATH_CONFLICT',
    { 'a/b': '' },
  ],
  ['a malformed ignore file', 'app: {files: .}\n', 'RECIPE_INVALID', { '.imgignore': '[' }],
  ['a platform that Debian does not have', 'platforms: [linux/wasm]\n', 'SYSTEM_UNKNOWN'],
];

for (const [why, lines, code, files = {}] of refused) {
  test(`buildFolder() refuses ${why}, and writes neither image nor lock`, async (t) => {
    const system = await TestSystem.start(t, lines, { files });
    t.is(await codeOf(system.build()), code);
    t.false((await readdir(system.folder)).includes('img.lock'));
    t.deepEqual(await readdir(join(system.storeFolder, 'refs')).catch(() => []), []);
  });
}

const hostile: readonly [why: string, deb: TestDeb, code: string][] = [
  ['climbs out', { name: 'evil', data: [{ name: './../../etc/cron.d/evil', content: 'x' }] }, 'PATH_UNSAFE'],
  [
    'writes through a link',
    {
      name: 'evil',
      data: [
        { name: './x', type: 'symlink', linkname: '/etc' },
        { name: './x/passwd', content: 'x' },
      ],
    },
    'PATH_UNSAFE',
  ],
  [
    'writes through a link of another package',
    { name: 'evil', data: [{ name: './etc/os-release/x', content: 'x' }] },
    'PATH_CONFLICT',
  ],
  [
    'replaces a folder of another package by a link',
    { name: 'evil', data: [{ name: './opt', type: 'symlink', linkname: '/tmp' }] },
    'PATH_CONFLICT',
  ],
  [
    'has a device',
    { name: 'evil', data: [{ name: './dev/sda', type: 'block-device', devmajor: 8 }] },
    'DEB_INVALID',
  ],
  [
    'says that it is another one',
    { name: 'evil', control: { control: 'Package: libc6\nVersion: 1.0-1\nArchitecture: amd64\n' } },
    'DEB_INVALID',
  ],
];

for (const [why, deb, code] of hostile) {
  test(`buildFolder() refuses a signed package that ${why}, and builds without it`, async (t) => {
    const system = await TestSystem.start(t, 'packages: [evil, tool]\n', {
      packages: [...testPackages, deb],
    });
    t.is(await codeOf(system.build()), code);
    await system.write({ 'img.yaml': system.recipe('packages: [tool]\n') });
    t.is(layersOf(await system.build()).length, 4);
  });
}

test('buildFolder() refuses a lock whose layers it does not make', async (t) => {
  const system = await TestSystem.start(t, 'packages: [tool]\n');
  const { image, lockFile = '' } = await system.build();
  const text = await readFile(lockFile, 'utf8');
  const layer = image.lock?.platforms.get('linux/amd64')?.layers[0];
  await writeFile(
    lockFile,
    text.replace(`"digest": "${layer?.digest}"`, `"digest": "sha256:${'0'.repeat(64)}"`),
  );
  await t.throwsAsync(system.build(), {
    code: 'LAYER_UNREPRODUCIBLE',
    message: /the layer of libc6 is sha256:/,
  });
  await writeFile(lockFile, '{}');
  t.is(await codeOf(system.build()), 'LOCK_INVALID');
});

test('buildFolder() refuses a package that is not what the lock says', async (t) => {
  const system = await TestSystem.start(t, 'packages: [small]\n');
  await system.build();
  await rm(system.cacheFolder, { recursive: true });
  for (const [path, bytes] of system.server.files) {
    if (path.includes('small'))
      system.server.files.set(path, noise('other', (bytes as Uint8Array).byteLength));
  }
  t.is(await codeOf(system.build()), 'PACKAGE_MISMATCH');
});

test('buildFolder() notices a cached layer that was changed, and the next build makes it again', async (t) => {
  const system = await TestSystem.start(t, 'packages: [tool]\n');
  const { descriptor, images } = (await system.build()).image;
  const path = images[0]?.layers[0]?.path ?? '';
  const size = (await readFile(path)).byteLength;
  await writeFile(path, noise('changed', size));
  await rm(system.storeFolder, { recursive: true });
  await t.throwsAsync(system.build(), { code: 'CACHE_CORRUPT' });
  t.is((await system.build()).image.descriptor.digest, descriptor.digest);
});

test('buildFolder() says what it looked for where there is no img.yaml', async (t) => {
  const system = await TestSystem.start(t, '');
  await rm(join(system.folder, 'img.yaml'));
  await t.throwsAsync(system.build(), {
    code: 'RECIPE_MISSING',
    message: /^there is no ".*\/folder\/img\.yaml"$/,
  });
  await t.throwsAsync(system.build({}, '/nowhere/at/all'), {
    code: 'RECIPE_MISSING',
    message: 'there is no "/nowhere/at/all" to build',
  });
});

test('buildFolder() reads no img.yaml without end', async (t) => {
  const system = await TestSystem.start(t, '');
  await t.throwsAsync(system.build({}, '/dev/zero'), { code: 'CONTENT_SIZE' });
});
