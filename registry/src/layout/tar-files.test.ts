import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { readAll } from '../testing/content.ts';
import { TarFiles } from './tar-files.ts';
import { encodeTarHeader, padded, parseTarHeader } from './tar-header.ts';

const end = Buffer.alloc(1024);

type Entry = {
  readonly name: string;
  readonly content?: string;
  readonly type?: string;
  readonly link?: string;
};

/** An entry as any program might write it, right or wrong. */
function entry({ name, content = '', type = '0', link = '' }: Entry): Uint8Array {
  const header = Buffer.from(encodeTarHeader('x', Buffer.byteLength(content)));
  header.fill(0, 0, 100);
  header.write(name, 0, 100, 'latin1');
  header.write(type, 156, 'latin1');
  header.write(link, 157, 100, 'latin1');
  return Buffer.concat([summed(header), padded(Buffer.from(content))]);
}

function summed(header: Buffer): Buffer {
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

function pax(records: string): Uint8Array {
  return entry({ name: 'pax', content: records, type: 'x' });
}

async function openTar(t: ExecutionContext, ...parts: readonly Uint8Array[]): Promise<TarFiles> {
  const path = join(temporaryFolder(t), 'image.tar');
  writeFileSync(path, Buffer.concat(parts));
  const files = await TarFiles.open(path);
  t.teardown(() => files[Symbol.asyncDispose]());
  return files;
}

async function textOf(files: TarFiles, path: string, offset = 0): Promise<string> {
  return new TextDecoder().decode(await readAll(files.read(path, offset)));
}

const digits = 'a'.repeat(128);

test('files are found by name and read from any offset', async (t) => {
  const files = await openTar(
    t,
    entry({ name: 'folder/', type: '5' }),
    entry({ name: './folder/file', content: 'hello' }),
    entry({ name: 'empty' }),
    end,
  );
  t.is(await files.size('folder/file'), 5);
  t.is(await textOf(files, 'folder/file', 1), 'ello');
  t.is(await files.size('empty'), 0);
  t.is(await textOf(files, 'empty'), '');
  t.is(await files.size('folder'), undefined);
  t.is(await files.size('absent'), undefined);
  await t.throwsAsync(textOf(files, 'absent'), { code: 'CONTENT_MISSING' });
});

test('long names are read in every way that programs write them', async (t) => {
  const gnu = `gnu/${digits}`;
  const record = `path=pax/${digits}\n`;
  const prefixed = Buffer.from(entry({ name: digits.slice(0, 90), content: 'prefix' }));
  prefixed.write('a-folder', 345);
  const files = await openTar(
    t,
    entry({ name: '././@LongLink', content: `${gnu}\0`, type: 'L' }),
    entry({ name: gnu.slice(0, 100), content: 'gnu' }),
    pax(`${record.length + 4} ${record}`),
    entry({ name: 'short', content: 'pax' }),
    Buffer.concat([summed(prefixed.subarray(0, 512)), prefixed.subarray(512)]),
    end,
  );
  t.is(await textOf(files, gnu), 'gnu');
  t.is(await textOf(files, `pax/${digits}`), 'pax');
  t.is(await textOf(files, `a-folder/${digits.slice(0, 90)}`), 'prefix');
});

test('the link that docker save makes for a layer that is there twice leads to it', async (t) => {
  const files = await openTar(
    t,
    entry({ name: 'one/layer.tar', content: 'layer' }),
    entry({ name: 'two/layer.tar', type: '2', link: '../one/layer.tar' }),
    entry({ name: 'three/layer.tar', type: '2', link: '../two/layer.tar' }),
    entry({ name: 'out', type: '2', link: '../../../etc/passwd' }),
    entry({ name: 'absolute', type: '2', link: '/etc/passwd' }),
    end,
  );
  t.is(await textOf(files, 'two/layer.tar'), 'layer');
  for (const nowhere of ['three/layer.tar', 'out', 'absolute']) t.is(await files.size(nowhere), undefined);
});

const file = entry({ name: 'file', content: 'x' });

for (const [why, parts] of [
  ['an absolute name', [entry({ name: '/etc/passwd' }), end]],
  ['a name that leads out', [entry({ name: '../file' }), end]],
  ['a name that leads out in its middle', [entry({ name: 'a/../../file' }), end]],
  ['a name that only leads around', [entry({ name: 'a/./file' }), end]],
  ['an empty name', [entry({ name: '' }), end]],
  ['a name with nothing between slashes', [entry({ name: 'a//file' }), end]],
  ['a name in pax that leads out', [pax('15 path=../out\n'), file, end]],
  ['one name twice', [file, file, end]],
  ['one name twice, spelled differently', [file, entry({ name: './file' }), end]],
  ['a hard link', [file, entry({ name: 'link', type: '1', link: 'file' }), end]],
  ['a device', [entry({ name: 'device', type: '3' }), end]],
  ['a pipe', [entry({ name: 'pipe', type: '6' }), end]],
  ['a sparse file of GNU tar', [entry({ name: 'sparse', type: 'S' }), end]],
  ['a sparse file in pax', [pax('22 GNU.sparse.major=1\n'), file, end]],
  ['an unknown type', [entry({ name: 'odd', type: 'Z' }), end]],
  ['a link with content', [entry({ name: 'link', type: '2', content: 'x' }), end]],
  ['a file that is longer than the archive', [sized('00077777777'), end]],
  ['a file of 2^60 bytes', [sized(binarySize(2n ** 60n)), end]],
  ['a negative size', [sized(Buffer.alloc(12, 0xff)), end]],
  ['a size that is no number', [sized('0000000009x'), end]],
  ['a size in pax that is no number', [pax('11 size=-1\n'), file, end]],
  ['a size in pax beyond the end', [pax('17 size=99999999\n'), file, end]],
  ['pax without a length', [pax('path=x\n'), file, end]],
  ['pax with a wrong length', [pax('99 path=x\n'), file, end]],
  ['pax with a length of nothing', [pax('0 path=x\n'), file, end]],
  ['a megabyte of pax', [pax(`1000000 comment=${'x'.repeat(999_983)}\n`), file, end]],
  ['a name of a megabyte', [entry({ name: 'L', content: 'x'.repeat(1_000_000), type: 'L' }), file, end]],
  ['a wrong checksum', [Buffer.from(file).fill('y', 0, 1), end]],
  ['no end', [file]],
  ['an end in a header', [file.subarray(0, 100)]],
  ['an end in a file', [file.subarray(0, 700)]],
  ['nothing in it', []],
  ['text', [Buffer.from('hello\n'.repeat(500))]],
  ['gzip', [Buffer.concat([Buffer.from([0x1f, 0x8b]), randomBytes(1000)])]],
] as const) {
  test(`an archive with ${why} is refused`, async (t) => {
    const path = join(temporaryFolder(t), 'image.tar');
    writeFileSync(path, Buffer.concat(parts));
    const error = await t.throwsAsync(TarFiles.open(path), { code: 'ARCHIVE_INVALID' });
    t.true(error?.message.startsWith(path));
  });
}

test('an archive of any bytes is read or refused, and nothing else', async (t) => {
  const path = join(temporaryFolder(t), 'image.tar');
  const whole = Buffer.concat([
    file,
    pax('16 comment=hello\n'),
    entry({ name: 'second', content: 'abc' }),
    end,
  ]);
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.byteLength - 1), fc.nat(255), async (position, value) => {
      const bytes = Buffer.from(whole);
      bytes[position] = value;
      writeFileSync(path, bytes);
      try {
        await (await TarFiles.open(path))[Symbol.asyncDispose]();
      } catch (error) {
        t.is((error as { code?: string }).code, 'ARCHIVE_INVALID');
      }
    }),
    { numRuns: 300 },
  );
  t.pass();
});

test('GNU tar lists what encodeTarHeader() writes, with names that are long and sizes that are large', (t) => {
  if (!needsTool(t, 'tar')) return;
  const path = join(temporaryFolder(t), 'written.tar');
  const name = `blobs/sha512/${digits}`;
  const small = Buffer.from('content');
  writeFileSync(path, Buffer.concat([encodeTarHeader(name, 7), padded(small), encodeTarHeader('b', 0), end]));
  const listed = execFileSync('tar', ['--full-time', '--numeric-owner', '--utc', '-tvf', path], {
    encoding: 'utf8',
  });
  t.deepEqual(listed.trim().split('\n'), [
    `-rw-r--r-- 0/0               7 1970-01-01 00:00:00 ${name}`,
    '-rw-r--r-- 0/0               0 1970-01-01 00:00:00 b',
  ]);
  t.is(execFileSync('tar', ['-xOf', path, name], { encoding: 'utf8' }), 'content');
});

for (const sizeBytes of [0, 1, 8 ** 11 - 1, 8 ** 11, 2 ** 50]) {
  test(`encodeTarHeader() writes a size of ${sizeBytes} that is read again`, (t) => {
    t.is(parseTarHeader(encodeTarHeader('a', sizeBytes), 'here')?.sizeBytes, sizeBytes);
  });
}

for (const format of ['ustar', 'gnu', 'pax', 'v7']) {
  test(`an archive that GNU tar wrote as ${format} is read`, async (t) => {
    if (!needsTool(t, 'tar')) return;
    const folder = temporaryFolder(t);
    const long = format === 'v7' ? 'short' : digits.slice(0, 90);
    mkdirSync(join(folder, 'in', long), { recursive: true });
    const content = randomBytes(100_000);
    writeFileSync(join(folder, 'in', long, 'file'), content);
    const path = join(folder, 'image.tar');
    execFileSync('tar', [`--format=${format}`, '-C', join(folder, 'in'), '-cf', path, '.']);
    const files = await TarFiles.open(path);
    t.teardown(() => files[Symbol.asyncDispose]());
    t.true(Buffer.from(await readAll(files.read(`${long}/file`, 0))).equals(content));
  });
}

function sized(size: string | Uint8Array): Uint8Array {
  const header = Buffer.from(encodeTarHeader('file', 0));
  header.fill(0, 124, 136);
  header.set(typeof size === 'string' ? Buffer.from(size) : size, 124);
  return summed(header);
}

function binarySize(size: bigint): Uint8Array {
  const field = Buffer.alloc(12);
  field[0] = 0x80;
  field.writeBigUInt64BE(size, 4);
  return field;
}
