import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { needsTool } from '@img/sign/testing/needs';
import { collect } from '@img/spec/collect';
import test from 'ava';
import { decompressXz } from './xz.ts';

const what = 'data.tar.xz';
const content = Buffer.concat([randomBytes(200_000), Buffer.alloc(100_000, 'img '), randomBytes(1)]);

async function* pieces(bytes: Uint8Array, size = 10_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

function xz(input: Uint8Array, ...args: readonly string[]): Buffer {
  return execFileSync('xz', ['-c', '-0', ...args], { input, maxBuffer: 1e8 });
}

const unpack = (bytes: Uint8Array, pieceBytes = 10_000, maxBytes = 1e9) => {
  return collect(decompressXz(pieces(bytes, pieceBytes), { maxBytes, what }), 1e9, what);
};

const files: readonly [why: string, make: () => Buffer][] = [
  ['one block', () => xz(content)],
  ['several blocks, as large packages have', () => xz(content, '--block-size=100KiB')],
  ['blocks that say how long they are', () => xz(content, '-T2', '--block-size=100KiB')],
  [
    'such blocks, then padding and other streams',
    () =>
      Buffer.concat([
        xz(content.subarray(0, 5000), '-T2'),
        Buffer.alloc(8),
        xz(content.subarray(5000, 250_000), '-T2', '--block-size=30KiB', '--check=crc32'),
        xz(content.subarray(250_000)),
      ]),
  ],
  ['such blocks without checks', () => xz(content, '-T2', '--block-size=100KiB', '--check=none')],
  ['two streams', () => Buffer.concat([xz(content.subarray(0, 5000)), xz(content.subarray(5000))])],
  ['padding after the stream', () => Buffer.concat([xz(content), Buffer.alloc(8)])],
  ['a dictionary of 1.5 GiB, which is not allocated', () => xz(content, '--lzma2=preset=0,dict=1536MiB')],
  ['the filter for x86 programs', () => xz(content, '--x86', '--lzma2=preset=6')],
  ['a SHA-256 check', () => xz(content, '--check=sha256')],
];

for (const [why, make] of files) {
  test(`decompressXz() reads ${why}`, async (t) => {
    if (!needsTool(t, 'xz')) return;
    const packed = make();
    t.deepEqual(Buffer.from(await unpack(packed)), content);
    t.deepEqual(Buffer.from(await unpack(packed, packed.byteLength)), content);
  });
}

const damaged: readonly [why: string, damage: (packed: Buffer) => Uint8Array][] = [
  ['nothing', () => Buffer.alloc(0)],
  ['another format', () => Buffer.from('!<arch>\ndebian-binary')],
  ['a file cut in the middle', (packed) => packed.subarray(0, 100_000)],
  ['a file without its last byte', (packed) => packed.subarray(0, -1)],
  ['a flipped bit in the data', (packed) => flip(packed, 150_000)],
  ['a flipped bit in the index', (packed) => flip(packed, packed.byteLength - 20)],
  ['bytes after the end', (packed) => Buffer.concat([packed, Buffer.from('more')])],
];

for (const [why, damage] of damaged) {
  test(`decompressXz() refuses ${why}`, async (t) => {
    if (!needsTool(t, 'xz')) return;
    for (const args of [[], ['-T2'], ['-T2', '--block-size=100KiB']]) {
      await t.throwsAsync(unpack(damage(xz(content, ...args))), {
        code: 'COMPRESSION_INVALID',
        message: /data\.tar\.xz/,
      });
    }
  });
}

test('decompressXz() refuses a file cut anywhere, also within what it reads itself', async (t) => {
  if (!needsTool(t, 'xz')) return;
  const packed = xz(Buffer.alloc(30_000), '-T2', '--block-size=10KiB');
  for (const length of packed.keys()) {
    await t.throwsAsync(
      unpack(packed.subarray(0, length)),
      { code: 'COMPRESSION_INVALID' },
      `${length} bytes`,
    );
  }
});

test('decompressXz() reads blocks that are too large to be held, and those around them', async (t) => {
  if (!needsTool(t, 'xz')) return;
  const large = Buffer.alloc(80 * 1024 * 1024);
  const packed = Buffer.concat([
    xz(content, '-T2', '--block-size=100KiB'),
    xz(large, '-T2', '--block-size=79MiB'),
    xz(content, '-T2'),
  ]);
  const expected = createHash('sha256').update(content).update(large).update(content).digest('hex');
  const actual = createHash('sha256');
  for await (const chunk of decompressXz(pieces(packed), { maxBytes: 1e9, what })) actual.update(chunk);
  t.is(actual.digest('hex'), expected);
});

test('decompressXz() refuses a block that says that it is shorter than it is', async (t) => {
  if (!needsTool(t, 'xz')) return;
  const packed = xz(content, '-T2');
  // Behind the header of the stream: size, flags, two numbers, the filter, padding and the checksum.
  const header = packed.subarray(12, 12 + ((packed[12] ?? 0) + 1) * 4);
  const at = header.indexOf(varint(content.byteLength));
  t.true(at > 0);
  varint(content.byteLength - 1).copy(header, at);
  header.writeUInt32LE(crc32(header.subarray(0, -4)), header.byteLength - 4);
  await t.throwsAsync(unpack(packed), { code: 'COMPRESSION_INVALID' });
});

/** A number as the format has it (section 1.2). */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}

test('decompressXz() ends before a byte beyond the limit is passed on', async (t) => {
  if (!needsTool(t, 'xz')) return;
  const packed = xz(Buffer.alloc(20_000_000));
  let sizeBytes = 0;
  const read = async () => {
    for await (const chunk of decompressXz(pieces(packed), { maxBytes: 100_000, what }))
      sizeBytes += chunk.byteLength;
  };
  await t.throwsAsync(read(), { code: 'COMPRESSION_INVALID', message: /longer than the 100000 bytes/ });
  t.true(sizeBytes <= 100_000);
});

test('decompressXz() ends its source when its reader stops early', async (t) => {
  if (!needsTool(t, 'xz')) return;
  const packed = xz(content);
  let isEnded = false;
  async function* watched(): AsyncGenerator<Uint8Array> {
    try {
      yield* pieces(packed);
    } finally {
      isEnded = true;
    }
  }
  for await (const chunk of decompressXz(watched(), { maxBytes: 1e9, what })) {
    t.true(chunk.byteLength > 0);
    break;
  }
  t.true(isEnded);
});

test('decompressXz() passes on what its source throws', async (t) => {
  if (!needsTool(t, 'xz')) return;
  const lost = new Error('connection lost');
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield xz(content).subarray(0, 50_000);
    throw lost;
  }
  t.is(await t.throwsAsync(collect(decompressXz(failing(), { maxBytes: 1e9, what }), 1e9, what)), lost);
});

function flip(bytes: Buffer, at: number): Uint8Array {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
