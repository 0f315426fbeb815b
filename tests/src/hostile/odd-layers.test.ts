import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { enterPrivateMounts } from '@img/runtime/linux/private-mounts';
import { describeTree } from '@img/runtime/testing/describe-tree';
import { paxHeader, type TarBytes, tarArchive } from '@img/runtime/testing/tar-bytes';
import { makeHost, mounted } from '@img/runtime/testing/tree-host';
import { prepareTree } from '@img/runtime/tree/prepare-tree';
import { needsRoot } from '@img/sign/testing/needs';
import test from 'ava';
import { setDoubleStage } from '../testing/double-stage.ts';
import { folderState } from '../testing/folder-state.ts';
import { leftBehind } from '../testing/left-behind.ts';
import { canRunShellApp } from '../testing/shell-app.ts';
import { busybox, putSignedShellImage, shellLayer } from '../testing/shell-image.ts';

// The whole file runs in one child process of AVA, so its private mounts end with it.
test.before(() => {
  if (process.geteuid?.() === 0) enterPrivateMounts();
});

const reference = 'com.example.app:1.0';
// struct vfs_cap_data, revision 2: CAP_NET_RAW, permitted; in the second one it must also be effective.
const mayNetRaw = Buffer.from('0000000200200000000000000000000000000000', 'hex');
const mustNetRaw = Buffer.from('0100000200200000000000000000000000000000', 'hex');

/** What looks like an attack and is none, because it only ever means the image's own tree. */
function oddMembers(outside: string): readonly (TarBytes | Uint8Array)[] {
  return [
    { path: `/${outside}/file`, content: 'of the image' },
    { path: 'door', type: '2', link: `/${outside}` },
    { path: 'up', type: '2', link: `${'../'.repeat(12)}${outside}` },
    { path: './/twice', content: 'first' },
    { path: 'twice', content: 'second' },
    { path: 'was-a-folder/', type: '5' },
    { path: 'was-a-folder/file', content: 'gone' },
    { path: 'was-a-folder', content: 'a file' },
    { path: 'memory', type: '3', device: [1, 1], mode: 0o666 },
    { path: 'disk', type: '4', device: [8, 0], mode: 0o666 },
    { path: 'bin/id', content: busybox(), mode: 0o6755 },
    paxHeader([['SCHILY.xattr.security.capability', mayNetRaw]]),
    { path: 'bin/grep', content: busybox(), mode: 0o755 },
    paxHeader([['SCHILY.xattr.security.capability', mustNetRaw]]),
    { path: 'bin/egrep', content: busybox(), mode: 0o755 },
    { path: Buffer.from('line\nbreak \u001b[31m \ufffe'), content: 'odd name' },
    { path: Buffer.from([0xff, 0xc0, 0x80]), content: 'no UTF-8' },
    paxHeader([['path', `${'deep/'.repeat(100)}file`]]),
    { content: 'deep' },
    { path: '.wh.never-there' },
  ];
}

/** What a program sees that is none of root's, line by line. */
const looks: readonly (readonly [command: string, line: string | RegExp])[] = [
  ['cat /door/file', 'of the image'],
  ['cat /up/file', 'of the image'],
  ['cat /twice', 'second'],
  ['cat /was-a-folder', 'a file'],
  ['/bin/id -u', '1000'],
  ['/bin/id -g', '1000'],
  ['/bin/grep -h ^NoNewPrivs /proc/self/status', 'NoNewPrivs:\t1'],
  ['/bin/grep -h ^CapPrm /proc/self/status', 'CapPrm:\t0000000000000000'],
  ['/bin/egrep -h ^CapPrm /proc/self/status', 'CapPrm:\t0000000000000000'],
  // By the rules for devices of its control group, or because its root is mounted without devices.
  ['cat /memory', /^cat: can't open '\/memory': (?:Operation not permitted|Permission denied)$/],
  ['cat /disk', /^cat: can't open '\/disk': (?:Operation not permitted|Permission denied)$/],
  ['ls /many | wc -l', '100000'],
];

test('odd layers mean the tree of their image only, with no rights that the app was not given', async (t) => {
  if (!canRunShellApp(t)) return;
  const { repository, host } = await setDoubleStage(t);
  const outside = join(host.folder, 'outside');
  await mkdir(outside);
  await writeFile(join(outside, 'file'), 'precious');
  const untouched = folderState(outside);
  const many = tarArchive(...Array.from({ length: 100_000 }, (_, index) => ({ path: `many/${index}` })));
  const layers = [shellLayer(), tarArchive(...oddMembers(outside.slice(1))), many];
  await putSignedShellImage(repository, { layers });
  const script = looks.map(([command]) => `${command} 2>&1; echo`).join('; ');
  const { code, stdout, stderr } = await host.run([
    'run',
    '-q',
    '-u',
    '1000:1000',
    reference,
    'sh',
    '-c',
    script,
  ]);
  t.is(code, 0, stderr);
  const lines = stdout.split('\n').filter((line) => line !== '');
  for (const [index, [command, line]] of looks.entries()) {
    if (line instanceof RegExp) t.regex(lines[index] ?? '', line, command);
    else t.is(lines[index], line, command);
  }
  t.is(await readFile(join(outside, 'file'), 'utf8'), 'precious');
  t.deepEqual(folderState(outside), untouched);
  t.deepEqual(leftBehind(host), []);
});

test('odd layers look the same as a mounted image and as a folder', async (t) => {
  if (!needsRoot(t)) return;
  const { request, root } = await makeHost(t, tarArchive(...oddMembers('outside')));
  const untouched = folderState('/outside');
  const erofs = describeTree(mounted(t, await prepareTree({ ...request, method: 'erofs' })));
  const checkout = describeTree(mounted(t, await prepareTree({ ...request, method: 'checkout' })));
  t.deepEqual(checkout, erofs);
  t.deepEqual(folderState('/outside'), untouched, `nothing is outside of ${root}`);
  t.like(erofs['/bin/id'], { mode: '106755' });
  t.like(erofs['/door'], { target: '/outside' });
});
