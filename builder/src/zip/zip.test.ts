import { execFileSync } from 'node:child_process';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { BuilderError } from '../builder-error.ts';
import { runTool } from '../testing/tool.ts';
import { encodeZip, type ZipItem, zipSizeBytes } from './encode-zip.ts';
import { openZip } from './open-zip.ts';

const item = (path: string, text: string): ZipItem => {
  const bytes = Buffer.from(text);
  return { path, crc32: crc32(bytes), sizeBytes: bytes.byteLength, read: () => [bytes] };
};
const items = [item('a/one.txt', 'one'), item('ő', 'two two'), item('empty', '')];

async function encoded(list: readonly ZipItem[] = items): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(encodeZip(list)));
}

async function contents(t: ExecutionContext, bytes: Uint8Array): Promise<{ [path: string]: string }> {
  const path = join(temporaryFolder(t), 'a.zip');
  await writeFile(path, bytes);
  const zip = await openZip(path, 'a.zip');
  const read = zip.entries.map(async (entry) => {
    return [entry.path, Buffer.concat(await Array.fromAsync(zip.read(entry))).toString()] as const;
  });
  return Object.fromEntries(await Promise.all(read));
}

test('openZip() reads what encodeZip() writes, and the size is known beforehand', async (t) => {
  const bytes = await encoded();
  t.is(bytes.byteLength, zipSizeBytes(items));
  t.deepEqual(await contents(t, bytes), { 'a/one.txt': 'one', ő: 'two two', empty: '' });
  t.deepEqual(await encoded(), bytes);
});

test('encodeZip() writes what Python reads', async (t) => {
  if (!needsTool(t, 'python3')) return;
  const path = join(temporaryFolder(t), 'a.zip');
  await writeFile(path, await encoded());
  const script = 'import zipfile,sys; z=zipfile.ZipFile(sys.argv[1]); print(z.testzip(), *z.namelist())';
  t.is(runTool('python3', ['-X', 'utf8', '-c', script, path]), 'None a/one.txt ő empty\n');
});

test('openZip() reads what Python writes: deflated, with folders, permissions, and a script before it', async (t) => {
  if (!needsTool(t, 'python3')) return;
  const path = join(temporaryFolder(t), 'a.zip');
  const script = `
import zipfile, sys
with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as z:
    z.writestr('dir/', '')
    z.writestr('dir/long', 'x' * 100000)
    info = zipfile.ZipInfo('run'); info.external_attr = 0o100755 << 16
    z.writestr(info, '#!/bin/sh')
    z.comment = b'a comment'
data = open(sys.argv[1], 'rb').read()
open(sys.argv[1], 'wb').write(b'#!/bin/sh\\nexec java -jar "$0"\\n' + data)
`;
  execFileSync('python3', ['-c', script, path]);
  const zip = await openZip(path, 'a.zip');
  const [folder, ...files] = zip.entries;
  t.like(folder, { path: 'dir', isFolder: true });
  t.deepEqual(
    files.map((entry) => [entry.path, entry.isFolder, entry.isExecutable, entry.method]),
    [
      ['dir/long', false, false, 'deflated'],
      ['run', false, true, 'stored'],
    ],
  );
  const long = zip.entries[1];
  t.is(long && Buffer.concat(await Array.fromAsync(zip.read(long))).toString(), 'x'.repeat(100_000));
});

/** A good archive with some bytes of its directory's first entry changed. */
async function withEntry(change: (entry: Buffer, bytes: Buffer) => void): Promise<Buffer> {
  const bytes = await encoded();
  const at = bytes.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
  change(bytes.subarray(at), bytes);
  return bytes;
}

const refusals: readonly (readonly [why: string, make: () => Promise<Uint8Array>])[] = [
  ['nothing', async () => Buffer.alloc(0)],
  ['another format', async () => Buffer.from('x'.repeat(100))],
  ['an archive that is cut off', async () => (await encoded()).subarray(0, -3)],
  ['bytes behind the archive', async () => Buffer.concat([await encoded(), Buffer.from('x')])],
  ['a name that leads out', async () => await encoded([item('../x', '')])],
  ['an absolute name', async () => await encoded([item('/x', '')])],
  ['a name of another system', async () => await encoded([item('a\\b', '')])],
  ['a name twice', async () => await encoded([item('a', '1'), item('a', '2')])],
  ['an encrypted member', async () => await withEntry((entry) => entry.writeUInt16LE(1, 8))],
  ['an unknown compression', async () => await withEntry((entry) => entry.writeUInt16LE(14, 10))],
  ['another checksum', async () => await withEntry((entry) => entry.writeUInt32LE(1, 16))],
  ['another size', async () => await withEntry((entry) => entry.writeUInt32LE(2, 24))],
  ['a member beyond the end', async () => await withEntry((entry) => entry.writeUInt32LE(1e6, 42))],
  ['members that share bytes', async () => await withEntry((entry) => entry.writeUInt32LE(40, 20))],
  ['another name in the member itself', async () => await withEntry((_, bytes) => bytes.write('b', 30))],
  ['a link', async () => await withEntry((entry) => entry.writeUInt32LE((0o120777 << 16) >>> 0, 38))],
  [
    'what is deflated by its own words only',
    async () => await withEntry((entry) => entry.writeUInt16LE(8, 10)),
  ],
];

for (const [why, make] of refusals) {
  test(`openZip() refuses ${why}`, async (t) => {
    await t.throwsAsync(contents(t, await make()), { instanceOf: BuilderError, code: 'ZIP_INVALID' });
  });
}

test('openZip() refuses a damaged archive or reads it, and never fails otherwise', async (t) => {
  const whole = await encoded();
  const path = join(temporaryFolder(t), 'a.zip');
  await writeFile(path, whole);
  const places = fc.array(fc.tuple(fc.nat(whole.byteLength - 1), fc.nat(255)), {
    minLength: 1,
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(places, async (changes) => {
      const bytes = Buffer.from(whole);
      for (const [at, value] of changes) bytes[at] = value;
      const file = await open(path, 'r+');
      await file.write(bytes, 0, bytes.byteLength, 0);
      await file.close();
      try {
        const zip = await openZip(path, 'a.zip');
        for (const entry of zip.entries) for await (const chunk of zip.read(entry)) void chunk;
      } catch (error) {
        if (!(error instanceof BuilderError)) throw error;
      }
    }),
    { numRuns: 500 },
  );
  t.pass();
});
