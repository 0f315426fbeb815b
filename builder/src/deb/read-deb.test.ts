import { Buffer } from 'node:buffer';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import {
  compressBytes,
  type DebCompression,
  describeDeb,
  type MadeDeb,
  makeAr,
  makeDeb,
  makeTar,
} from '../testing/make-deb.ts';
import { type DebContent, readDeb } from './read-deb.ts';

const identity = { name: 'example', version: '1.0-1', architecture: 'amd64' };
const version: [string, Uint8Array] = ['debian-binary', Buffer.from('2.0\n')];
const tar = await makeTar([{ name: './file', content: 'content' }]);
const control: [string, Uint8Array] = ['control.tar', tar];
const data: [string, Uint8Array] = ['data.tar', tar];
const deb = (...members: readonly [string, Uint8Array][]) => describeDeb(makeAr(members), identity);

async function read(t: ExecutionContext, { bytes, package: wanted }: MadeDeb): Promise<DebContent> {
  const folder = temporaryFolder(t);
  const path = join(folder, 'example.deb');
  await writeFile(path, bytes);
  const content = await readDeb(path, wanted, { temporaryFolder: folder });
  t.teardown(() => content[Symbol.asyncDispose]());
  // The spool has no name, so nothing can be left of it.
  t.deepEqual(await readdir(folder), ['example.deb']);
  return content;
}

async function contentOf(content: DebContent, index: number): Promise<string> {
  const entry = content.entries[index];
  if (entry === undefined) return '';
  return Buffer.concat(await Array.fromAsync(content.read(entry.contentOffset, entry.size))).toString();
}

for (const compression of ['none', 'gz', 'xz', 'zst'] as const satisfies DebCompression[]) {
  test(`readDeb() reads a package whose archives are compressed: ${compression}`, async (t) => {
    if (compression === 'xz' && !needsTool(t, 'xz')) return;
    const long = 'long '.repeat(1_000_000);
    const made = await makeDeb({
      compression,
      control: { md5sums: 'sums', postinst: '#!/bin/sh\n' },
      data: [
        { name: './usr/', type: 'directory' },
        { name: './usr/a', content: 'first' },
        { name: './usr/long', content: long },
        { name: './usr/b', content: '' },
        { name: './usr/c', type: 'symlink', linkname: 'a' },
        { name: './usr/d', content: 'last' },
      ],
    });
    const content = await read(t, made);
    t.deepEqual([...content.control.keys()], ['control', 'md5sums', 'postinst']);
    t.is(content.entries.length, 6);
    // In any order, and again.
    t.is(await contentOf(content, 5), 'last');
    t.is(await contentOf(content, 2), long);
    t.is(await contentOf(content, 1), 'first');
    t.is(await contentOf(content, 3), '');
    t.is(await contentOf(content, 2), long);
  });
}

test('readDeb() passes over members whose name begins with an underscore', async (t) => {
  const extra: [string, Uint8Array] = ['_gpgorigin', Buffer.from('signature')];
  t.is((await read(t, deb(version, extra, control, extra, data, extra))).entries.length, 1);
});

test('readDeb() accepts a later minor version of the format, as dpkg does', async (t) => {
  t.is((await read(t, deb(['debian-binary', Buffer.from('2.1\nmore')], control, data))).entries.length, 1);
});

// The content of the last file; behind it are its padding and the two blocks that end the tar.
const lastContent = makeAr([version, control, data]).byteLength - 3 * 512;
const flipped = (made: MadeDeb, at: number): MadeDeb => {
  const bytes = Buffer.from(made.bytes);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return { ...made, bytes };
};

const refused: readonly [why: string, made: MadeDeb, code: string][] = [
  ['a flipped bit in a content', flipped(deb(version, control, data), lastContent), 'DEB_MISMATCH'],
  [
    'a byte too many',
    {
      ...deb(version, control, data),
      bytes: Buffer.concat([makeAr([version, control, data]), Buffer.from('x')]),
    },
    'DEB_MISMATCH',
  ],
  [
    'another size than the index says',
    { ...deb(version, control, data), package: { ...deb(version, control, data).package, size: 100 } },
    'DEB_MISMATCH',
  ],
  ['what is no ar archive', describeDeb(Buffer.from('PK\x03\x04 and so on'), identity), 'AR_INVALID'],
  ['an empty file', describeDeb(Buffer.alloc(0), identity), 'AR_INVALID'],
  ['an archive without members', deb(), 'DEB_INVALID'],
  ['no version', deb(control, data), 'DEB_INVALID'],
  ['an unknown version', deb(['debian-binary', Buffer.from('3.0\n')], control, data), 'DEB_INVALID'],
  ['a version that is not short', deb(['debian-binary', Buffer.alloc(1000)], control, data), 'DEB_INVALID'],
  ['data before control', deb(version, data, control), 'DEB_INVALID'],
  ['no data', deb(version, control), 'DEB_INVALID'],
  [
    'a second data archive',
    deb(version, control, data, ['data.tar.gz', compressBytes(tar, 'gz')]),
    'DEB_INVALID',
  ],
  [
    'a member that does not belong there',
    deb(version, control, data, ['extra', Buffer.from('x')]),
    'DEB_INVALID',
  ],
  [
    'an unknown compression',
    deb(version, control, ['data.tar.bz2', Buffer.from('BZh9')]),
    'COMPRESSION_INVALID',
  ],
  [
    'a name that promises another compression',
    deb(version, control, ['data.tar.gz', tar]),
    'COMPRESSION_INVALID',
  ],
  [
    'a gzip stream cut short',
    deb(version, control, ['data.tar.gz', compressBytes(tar, 'gz').subarray(0, -5)]),
    'COMPRESSION_INVALID',
  ],
  [
    'a zstd stream cut short',
    deb(version, control, ['data.tar.zst', compressBytes(tar, 'zst').subarray(0, -5)]),
    'COMPRESSION_INVALID',
  ],
  [
    'a bomb as control archive',
    deb(version, ['control.tar.gz', compressBytes(Buffer.alloc(70 * 1024 * 1024), 'gz')], data),
    'COMPRESSION_INVALID',
  ],
  ['a tar cut short', deb(version, control, ['data.tar', tar.subarray(0, 515)]), 'TAR_INVALID'],
  [
    'a tar with a wrong checksum',
    deb(version, control, ['data.tar', Buffer.from(tar).fill(0x37, 100, 103)]),
    'TAR_INVALID',
  ],
  ['what is no tar', deb(version, control, ['data.tar', Buffer.alloc(1024, 'x')]), 'TAR_INVALID'],
];

for (const [why, made, code] of refused) {
  test(`readDeb() refuses ${why}`, async (t) => {
    const error = await t.throwsAsync(read(t, made), { code });
    t.regex(error?.message ?? '', /"example 1\.0-1"|"data\.tar|"control\.tar/);
  });
}

test('readDeb() stops when it is told to', async (t) => {
  const folder = temporaryFolder(t);
  const made = await makeDeb();
  await writeFile(join(folder, 'a.deb'), made.bytes);
  const signal = AbortSignal.abort();
  await t.throwsAsync(readDeb(join(folder, 'a.deb'), made.package, { temporaryFolder: folder, signal }), {
    name: 'AbortError',
  });
});
