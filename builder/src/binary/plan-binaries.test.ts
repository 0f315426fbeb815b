import { createHash } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { parsePlatform } from '@img/spec/platform';
import test from 'ava';
import { HostRoot } from '../elf/host-root.ts';
import { binaryLayers } from '../image/binary-layers.ts';
import { ImageTree } from '../image/image-tree.ts';
import { makeElf } from '../testing/make-elf.ts';
import { planBinaries } from './plan-binaries.ts';

const interpreter = '/lib64/ld-linux-x86-64.so.2';
const files: { readonly [path: string]: string | Uint8Array } = {
  'usr/bin/tool': makeElf({ needed: ['libc.so.6', 'libown.so'], interpreter, runpath: '/opt/own' }),
  'usr/lib64/ld-linux-x86-64.so.2': makeElf({ soname: 'ld-linux-x86-64.so.2' }),
  'usr/lib/x86_64-linux-gnu/libc.so.6': makeElf({ soname: 'libc.so.6' }),
  'opt/own/libown.so': makeElf(),
  'usr/share/doc/libc6/copyright': 'free',
  'var/lib/dpkg/info/libc6:amd64.list': '/.\n/lib/x86_64-linux-gnu/libc.so.6\n/lib64/ld-linux-x86-64.so.2\n',
  'var/lib/dpkg/info/tool.list': '/usr/bin/tool\n',
  'var/lib/dpkg/info/other.list': '/usr/bin/other\n',
  'var/lib/dpkg/status':
    'Package: libc6\nStatus: install ok installed\nVersion: 2.36-9\nDescription: x\n .\n y\n\n' +
    'Package: tool\nVersion: 1.0-1\n\nPackage: other\nVersion: 3\n',
};

async function makeRoot(t: Parameters<typeof temporaryFolder>[0]): Promise<HostRoot> {
  const folder = temporaryFolder(t);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  for (const name of ['lib', 'lib64']) await symlink(`usr/${name}`, join(folder, name));
  await symlink('libc6', join(folder, 'usr/share/doc/tool'));
  return new HostRoot(folder);
}

const platform = parsePlatform('linux/amd64');

test('planBinaries() says which packages the files of a program belong to, by their folders of old too', async (t) => {
  const plan = await planBinaries(['/usr/bin/tool'], platform, await makeRoot(t));
  t.deepEqual(
    plan.files.map(({ path, owner, isProgram }) => [path, owner?.name, isProgram]),
    [
      ['opt/own/libown.so', undefined, false],
      ['usr/bin/tool', 'tool', true],
      ['usr/lib/x86_64-linux-gnu/libc.so.6', 'libc6', false],
      ['usr/lib64/ld-linux-x86-64.so.2', 'libc6', false],
      ['usr/share/doc/libc6/copyright', undefined, false],
    ],
  );
  t.deepEqual(
    plan.packages.map(({ name, version }) => [name, version]),
    [
      ['libc6', '2.36-9'],
      ['tool', '1.0-1'],
    ],
  );
  const own = files['opt/own/libown.so'] ?? '';
  t.is(plan.files[0]?.digest as string, `sha256:${createHash('sha256').update(own).digest('hex')}`);
  t.deepEqual(
    [...plan.links],
    [
      ['lib', 'usr/lib'],
      ['lib64', 'usr/lib64'],
      ['usr/share/doc/tool', 'libc6'],
    ],
  );
});

test('binaryLayers() puts what a program needs below the program, with what scanners look for', async (t) => {
  const plan = await planBinaries(['/usr/bin/tool'], platform, await makeRoot(t));
  const { needs, programs } = binaryLayers(plan, new ImageTree(), 0);
  const paths = (draft: typeof needs) => {
    return draft.items().flatMap(({ entry }) => (entry.type === 'directory' ? [] : [entry.path]));
  };
  t.deepEqual(paths(needs), [
    'etc/nsswitch.conf',
    'lib',
    'lib64',
    'opt/own/libown.so',
    'usr/lib/x86_64-linux-gnu/libc.so.6',
    'usr/lib64/ld-linux-x86-64.so.2',
    'usr/share/doc/libc6/copyright',
    'usr/share/doc/tool',
    'var/lib/dpkg/status.d/libc6',
    'var/lib/dpkg/status.d/tool',
  ]);
  t.deepEqual(paths(programs), ['usr/bin/tool']);
});

test('planBinaries() refuses programs for another processor than the image', async (t) => {
  const plan = planBinaries(['/usr/bin/tool'], parsePlatform('linux/arm64'), await makeRoot(t));
  await t.throwsAsync(plan, {
    code: 'BINARY_UNSUPPORTED',
    message: /is for amd64, the image for linux\/arm64/,
  });
});
