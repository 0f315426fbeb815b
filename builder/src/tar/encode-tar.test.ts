import { Buffer } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { extract } from 'tar-stream';
import { runTool } from '../testing/tool.ts';
import { encodeTarHeader } from './encode-header.ts';
import { encodeTar, type TarItem } from './encode-tar.ts';
import { encodePaxRecords } from './pax-records.ts';
import type { TarEntry } from './tar-entry.ts';

const base = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0, sizeBytes: 0 } as const;
const file = (path: string, rest: Partial<TarEntry> = {}): TarEntry => ({
  type: 'file',
  path,
  ...base,
  ...rest,
});

// Entries that each reader must give back as they are, and why they are here.
const table: readonly { readonly why: string; readonly entry: TarEntry; readonly text?: string }[] = [
  {
    why: 'the simplest file',
    entry: file('hello', { sizeBytes: 6, mtimeSeconds: 1_700_000_000 }),
    text: 'hello\n',
  },
  { why: 'empty file', entry: file('empty') },
  {
    why: 'content of exactly one block needs no padding',
    entry: file('block', { sizeBytes: 512 }),
    text: 'x'.repeat(512),
  },
  { why: 'directory', entry: { ...base, type: 'directory', path: 'dir', mode: 0o755 } },
  {
    why: 'sticky directory of another group',
    entry: { ...base, type: 'directory', path: 'tmp', mode: 0o1777, gid: 50 },
  },
  { why: 'setuid program', entry: file('usr/bin/su', { mode: 0o4755 }) },
  { why: 'symlink', entry: { ...base, type: 'symlink', path: 'link', mode: 0o777, linkTarget: '../hello' } },
  { why: 'hard link', entry: { ...base, type: 'hardlink', path: 'hard', linkTarget: 'hello' } },
  { why: 'name of 100 bytes fits the name field', entry: file('n'.repeat(100)) },
  {
    why: 'name of 101 bytes that can be split',
    entry: file(`${'p'.repeat(40)}/${'n'.repeat(60)}`),
  },
  {
    why: 'prefix of 155 and name of 100 bytes fill both fields',
    entry: file(`${'p'.repeat(155)}/${'n'.repeat(100)}`),
  },
  {
    why: 'directory of 100 bytes needs its slash in the second field',
    entry: { ...base, type: 'directory', path: `q/${'n'.repeat(98)}`, mode: 0o755 },
  },
  { why: 'name of 101 bytes without a slash needs pax', entry: file('m'.repeat(101)) },
  {
    why: 'long directory that no split fits needs pax',
    entry: { ...base, type: 'directory', path: `d/${'n'.repeat(120)}`, mode: 0o755 },
  },
  { why: 'very long path', entry: file(`${'deep/'.repeat(200)}file`) },
  {
    why: 'Debian ships names outside ASCII',
    entry: file('ca/NetLock_Arany_=Class_Gold=_Főtanúsítvány.crt'),
  },
  {
    why: 'long name outside ASCII, cut inside a character',
    entry: file(`${'ő'.repeat(49)}x${'ő'.repeat(20)}`),
  },
  {
    why: 'long link',
    entry: { ...base, type: 'symlink', path: 'far', mode: 0o777, linkTarget: `${'../'.repeat(40)}x` },
  },
  {
    why: 'link outside ASCII',
    entry: { ...base, type: 'symlink', path: 'uni', mode: 0o777, linkTarget: 'é/ő' },
  },
  { why: 'largest id that fits octal', entry: file('id-octal', { uid: 0o7777777, gid: 0o7777777 }) },
  { why: 'first id that does not', entry: file('id-pax', { uid: 0o10000000, gid: 0o10000000 }) },
  { why: 'ids of user namespaces', entry: file('id-max', { uid: 4_294_967_294, gid: 4_294_967_294 }) },
  { why: 'latest time that fits octal', entry: file('time-octal', { mtimeSeconds: 0o77777777777 }) },
  {
    why: 'record length that grows a digit by its own digits',
    entry: file('k'.repeat(989)),
  },
];

test('encodeTar() writes what GNU tar, bsdtar, Python and tar-stream read back', async (t) => {
  const path = join(temporaryFolder(t), 'all.tar');
  await writeFile(path, await encode(table.map(item)));
  const expected = table.map(({ entry }) => ({
    path: entry.path,
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    mtime: entry.mtimeSeconds,
    size: entry.sizeBytes,
    link: entry.linkTarget ?? '',
  }));
  if (needsTool(t, 'python3')) t.deepEqual(readWithPython(path), expected);
  if (needsTool(t, 'bsdtar')) {
    const names = runTool('bsdtar', ['-tf', path], { env: utf8 }).trimEnd().split('\n');
    t.deepEqual(
      names,
      table.map(({ entry }) => (entry.type === 'directory' ? `${entry.path}/` : entry.path)),
    );
    const lines = runTool('bsdtar', ['--numeric-owner', '-tvf', path], { env: utf8 }).trimEnd().split('\n');
    checkListing(t, lines);
  }
  if (needsTool(t, 'tar')) {
    const options = ['--numeric-owner', '--quoting-style=literal', '--full-time', '-tvf', path];
    checkListing(t, runTool('tar', options, { env: utf8 }).trimEnd().split('\n'));
    t.is(runTool('tar', ['-xOf', path, 'hello']), 'hello\n');
    t.is(runTool('tar', ['-xOf', path, 'block']), 'x'.repeat(512));
  }
  // tar-stream applies no pax ids, so these are left out of the comparison.
  const withoutIds = ({ path, mode, mtime, size, link }: ReadEntry) => ({ path, mode, mtime, size, link });
  t.deepEqual((await readWithTarStream(path)).map(withoutIds), expected.map(withoutIds));
});

test('encodeTar() writes extended attributes that GNU tar, bsdtar and Python read back', async (t) => {
  const path = join(temporaryFolder(t), 'xattrs.tar');
  const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
  const xattrs = new Map([
    ['user.text', Buffer.from('plain')],
    ['security.capability', capability],
    ['user.any', Buffer.from([0, 10, 61, 255])],
  ]);
  await writeFile(path, await encode([{ entry: file('ping', { mode: 0o755, xattrs }) }]));
  if (needsTool(t, 'tar')) {
    const listing = runTool('tar', ['--xattrs', '--xattrs-include=*', '-tvvf', path]);
    t.regex(listing, /x: +5 user\.text/);
    t.regex(listing, /x: +20 security\.capability/);
  }
  if (needsTool(t, 'bsdtar')) t.is(runTool('bsdtar', ['-tf', path]), 'ping\n');
  if (needsTool(t, 'python3')) {
    const script =
      'import tarfile,sys,json; m=tarfile.open(sys.argv[1]).next(); ' +
      'print(json.dumps({k:v.encode("utf-8","surrogateescape").hex() for k,v in m.pax_headers.items()}))';
    t.deepEqual(JSON.parse(runTool('python3', ['-c', script, path])), {
      'SCHILY.xattr.security.capability': capability.toString('hex'),
      'SCHILY.xattr.user.any': '000a3dff',
      'SCHILY.xattr.user.text': Buffer.from('plain').toString('hex'),
    });
  }
});

test('encodeTarHeader() writes sizes and times beyond octal as pax records that Python reads', async (t) => {
  const path = join(temporaryFolder(t), 'big.tar');
  const size = 9 * 1024 ** 3;
  await writeFile(path, encodeTarHeader(file('big', { sizeBytes: size, mtimeSeconds: 0o100000000000 })));
  if (!needsTool(t, 'python3')) return;
  const script =
    'import tarfile,sys; m=tarfile.open(fileobj=open(sys.argv[1],"rb"),mode="r|").next(); print(m.size, m.mtime)';
  t.is(runTool('python3', ['-c', script, path]), `${size} ${0o100000000000}.0\n`);
});

test('encodeTar() gives the same bytes however its content is cut into chunks', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 3000 }),
      fc.integer({ min: 1, max: 700 }),
      async (bytes, cut) => {
        const entry = file('data', { sizeBytes: bytes.byteLength });
        const whole = await encode([{ entry, content: () => [bytes] }]);
        const pieces = Array.from({ length: Math.ceil(bytes.length / cut) }, (_, index) =>
          bytes.subarray(index * cut, (index + 1) * cut),
        );
        t.deepEqual(await encode([{ entry, content: () => pieces }]), whole);
        t.is(whole.byteLength % 512, 0);
      },
    ),
    { numRuns: 50 },
  );
});

test('encodeTar() of any names and numbers is read back the same by tar-stream', async (t) => {
  const name = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 130 })
    .map((text) => text.replaceAll('/', '_').replaceAll('\0', '_'))
    .filter((text) => text !== '.' && text !== '..');
  const path = fc.array(name, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
  const folder = temporaryFolder(t);
  await fc.assert(
    fc.asyncProperty(
      fc.array(path, { maxLength: 8 }),
      fc.integer({ min: 0, max: 0o7777 }),
      async (paths, mode) => {
        const tar = join(folder, 'property.tar');
        await writeFile(tar, await encode(paths.map((each) => ({ entry: file(each, { mode }) }))));
        const read = await readWithTarStream(tar);
        t.deepEqual(
          read.map((entry) => [entry.path, entry.mode]),
          paths.map((each) => [each, mode]),
        );
      },
    ),
    { numRuns: 100 },
  );
});

const refused: readonly [why: string, entry: TarEntry][] = [
  ['an empty path', file('')],
  ['an absolute path', file('/etc/passwd')],
  ['a path that ends in a slash', file('etc/')],
  ['a NUL in a path', file('a\0b')],
  ['half a surrogate pair, which has no UTF-8', file('a\ud800')],
  ['a negative size', file('a', { sizeBytes: -1 })],
  ['a fraction of a second', file('a', { mtimeSeconds: 0.5 })],
  ['an id that is not a number', file('a', { uid: Number.NaN })],
  ['a mode with the bits of a file type', file('a', { mode: 0o100644 })],
  ['a symlink without target', { ...base, type: 'symlink', path: 'a' }],
  ['a file with a link target', file('a', { linkTarget: 'b' })],
  ['a directory with content', { ...base, type: 'directory', path: 'a', sizeBytes: 1 }],
  ['an attribute name that pax would cut', file('a', { xattrs: new Map([['user.a=b', Buffer.from('')]]) })],
];

for (const [why, entry] of refused) {
  test(`encodeTarHeader() refuses ${why}`, (t) => {
    t.throws(() => encodeTarHeader(entry), { code: 'TAR_INVALID' });
  });
}

for (const [why, text] of [
  ['shorter', 'abc'],
  ['longer', 'abcde'],
] as const) {
  test(`encodeTar() refuses content that is ${why} than announced, without passing it on`, async (t) => {
    const entry = file('data', { sizeBytes: 4 });
    const archive = encode([{ entry, content: () => [Buffer.from(text)] }]);
    await t.throwsAsync(archive, { code: 'SOURCE_CHANGED', message: /"data"/ });
  });
}

test('encodeTar() refuses a file that was empty when it was listed and is not any more', async (t) => {
  const archive = encode([{ entry: file('data'), content: () => [Buffer.from('a')] }]);
  await t.throwsAsync(archive, { code: 'SOURCE_CHANGED' });
});

test('encodePaxRecords() counts its own digits', (t) => {
  for (const length of [0, 1, 4, 5, 90, 91, 92, 93, 94, 990, 991, 992, 993, 994]) {
    const bytes = encodePaxRecords([['k', 'v'.repeat(length)]]);
    t.is(Number.parseInt(Buffer.from(bytes).toString(), 10), bytes.byteLength);
  }
});

const utf8 = { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' };

function item({ entry, text }: (typeof table)[number]): TarItem {
  return text === undefined ? { entry } : { entry, content: () => [Buffer.from(text)] };
}

async function encode(items: readonly TarItem[]): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(encodeTar(items)));
}

type ReadEntry = {
  path: string;
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  size: number;
  link: string;
};

function readWithPython(path: string): ReadEntry[] {
  const script = `
import tarfile, sys, json
print(json.dumps([
  {"path": m.name, "mode": m.mode, "uid": m.uid, "gid": m.gid, "mtime": m.mtime, "size": m.size, "link": m.linkname}
  for m in tarfile.open(sys.argv[1])]))`;
  return JSON.parse(runTool('python3', ['-c', script, path])) as ReadEntry[];
}

async function readWithTarStream(path: string): Promise<ReadEntry[]> {
  const entries: ReadEntry[] = [];
  for await (const entry of createReadStream(path).pipe(extract())) {
    const { name, mode, uid, gid, mtime, size, linkname } = entry.header;
    entries.push({
      path: name.replace(/\/$/, ''),
      mode: mode ?? -1,
      uid: uid ?? -1,
      gid: gid ?? -1,
      mtime: (mtime?.getTime() ?? -1) / 1000,
      size: size ?? -1,
      link: linkname ?? '',
    });
    entry.resume();
  }
  return entries;
}

/** Compares the verbose listing that GNU tar and bsdtar print, line by line. */
function checkListing(t: ExecutionContext, lines: readonly string[]): void {
  t.is(lines.length, table.length);
  for (const [index, { why, entry }] of table.entries()) {
    const line = lines[index] ?? '';
    const name = entry.type === 'directory' ? `${entry.path}/` : entry.path;
    const link = { file: '', directory: '', symlink: ` -> ${entry.linkTarget}` }[entry.type as 'file'];
    const end = entry.type === 'hardlink' ? ` link to ${entry.linkTarget}` : link;
    t.true(line.endsWith(` ${name}${end}`), `${why}: ${line}`);
    t.is(line.slice(1, 10), permissions(entry.mode), why);
    t.regex(line, new RegExp(`\\b${entry.uid}[/ ]+${entry.gid}\\b`), why);
  }
}

function permissions(mode: number): string {
  const letters = [...'rwxrwxrwx'].map((letter, index) => (mode & (0o400 >> index) ? letter : '-'));
  if (mode & 0o4000) letters[2] = letters[2] === 'x' ? 's' : 'S';
  if (mode & 0o2000) letters[5] = letters[5] === 'x' ? 's' : 'S';
  if (mode & 0o1000) letters[8] = letters[8] === 'x' ? 't' : 'T';
  return letters.join('');
}
