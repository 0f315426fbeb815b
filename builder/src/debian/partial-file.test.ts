import { mkdir, readdir, readFile, readlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { digestHex, digestOf } from '@img/spec/digest';
import test from 'ava';
import { PartialFile, removeOldPartialFiles } from './partial-file.ts';

const content = Buffer.from('0123456789');
const digest = digestOf(content);
const hex = digestHex(digest);

const namespace = /\d+/.exec(await readlink('/proc/self/ns/pid'))?.[0] ?? '';

async function startTimeOf(pid: string): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  return text.replace(/^.*\) /s, '').split(' ')[19] ?? '';
}

const startTime = await startTimeOf('1');
const ownStartTime = await startTimeOf('self');

const ownOwner = (thread: number): string => `${namespace}-${process.pid}-${ownStartTime}-${thread}-abcd`;

test('PartialFile commits content that is right, under its final name only', async (t) => {
  const folder = temporaryFolder(t);
  await mkdir(join(folder, 'partial'));
  {
    await using file = await PartialFile.open(join(folder, 'partial'), digest);
    await file.append(content.subarray(0, 4));
    await file.append(content.subarray(4));
    t.true(await file.commit(join(folder, 'target')));
  }
  t.deepEqual(await readFile(join(folder, 'target')), content);
  t.deepEqual(await readdir(join(folder, 'partial')), []);
});

test('PartialFile knows digests of both algorithms', async (t) => {
  const folder = temporaryFolder(t);
  await using file = await PartialFile.open(folder, digestOf(content, 'sha512'));
  await file.append(content);
  t.true(await file.commit(join(folder, 'target')));
});

test('PartialFile removes content that is wrong', async (t) => {
  const folder = temporaryFolder(t);
  await mkdir(join(folder, 'partial'));
  {
    await using file = await PartialFile.open(join(folder, 'partial'), digest);
    await file.append(Buffer.from('9876543210'));
    t.false(await file.commit(join(folder, 'target')));
  }
  t.deepEqual(await readdir(folder), ['partial']);
  t.deepEqual(await readdir(join(folder, 'partial')), []);
});

test('PartialFile goes on where an earlier download of this process ended', async (t) => {
  const folder = temporaryFolder(t);
  {
    await using first = await PartialFile.open(folder, digest);
    await first.append(content.subarray(0, 7));
  }
  await using second = await PartialFile.open(folder, digest);
  t.is(second.size, 7);
  await second.append(content.subarray(7));
  t.true(await second.commit(join(folder, 'target')));
});

test('PartialFile leaves nothing behind where nothing was downloaded', async (t) => {
  const folder = temporaryFolder(t);
  {
    await using _ = await PartialFile.open(folder, digest);
  }
  t.deepEqual(await readdir(folder), []);
});

test('PartialFile can begin again', async (t) => {
  const folder = temporaryFolder(t);
  await using file = await PartialFile.open(folder, digest);
  await file.append(Buffer.from('wrong'));
  await file.clear();
  t.is(file.size, 0);
  await file.append(content);
  t.true(await file.commit(join(folder, 'target')));
});

test('PartialFile gives two downloads of the same content at the same time two files', async (t) => {
  const folder = temporaryFolder(t);
  await using first = await PartialFile.open(folder, digest);
  await first.append(content.subarray(0, 5));
  await using second = await PartialFile.open(folder, digest);
  t.is(second.size, 0);
  await second.append(content);
  await first.append(content.subarray(5));
  t.true(await second.commit(join(folder, 'target')));
  t.true(await first.commit(join(folder, 'target')));
});

const dayMs = 24 * 60 * 60 * 1000;

type Leftover = readonly [why: string, owner: string, ageMs: number, isTaken: boolean];

const leftovers: readonly Leftover[] = [
  ['of a process that is gone', `${namespace}-999999999-1-0-abcd`, 0, true],
  ['of a process whose number another one has now', `${namespace}-1-1-0-abcd`, 0, true],
  ['of a process that is there', `${namespace}-1-${startTime}-0-abcd`, 0, false],
  ['of another thread of this process', ownOwner(7), 0, false],
  ['that this thread has given up', ownOwner(0), 0, true],
  ['of a process elsewhere, which may be there', '1-1-1-0-abcd', 0, false],
  ['of a process elsewhere that added nothing for an hour', '1-1-1-0-abcd', dayMs / 24, true],
  ['of a machine without /proc that added nothing for an hour', 'unknown-1-0-0-abcd', dayMs / 24, true],
  ['whose name makes no sense, after an hour', 'x', dayMs / 24, true],
];

for (const [why, owner, ageMs, isTaken] of leftovers) {
  test(`PartialFile ${isTaken ? 'takes over' : 'leaves alone'} a file ${why}`, async (t) => {
    const folder = temporaryFolder(t);
    const path = join(folder, `${hex}.${owner}`);
    await writeFile(path, content.subarray(0, 3));
    const time = new Date(Date.now() - ageMs);
    await utimes(path, time, time);
    await using file = await PartialFile.open(folder, digest);
    t.is(file.size, isTaken ? 3 : 0);
  });
}

test('PartialFile takes over the largest of several', async (t) => {
  const folder = temporaryFolder(t);
  for (const size of [2, 6, 4]) {
    await writeFile(join(folder, `${hex}.${namespace}-99999999${size}-1-a`), content.subarray(0, size));
  }
  await writeFile(join(folder, `${'0'.repeat(64)}.${namespace}-999999999-1-a`), content);
  await using file = await PartialFile.open(folder, digest);
  t.is(file.size, 6);
});

test('removeOldPartialFiles() removes what is a week old', async (t) => {
  const folder = temporaryFolder(t);
  for (const [name, days] of [
    ['old', 8],
    ['new', 6],
  ] as const) {
    await writeFile(join(folder, name), '');
    const time = new Date(Date.now() - days * dayMs);
    await utimes(join(folder, name), time, time);
  }
  await removeOldPartialFiles(folder);
  t.deepEqual(await readdir(folder), ['new']);
});
