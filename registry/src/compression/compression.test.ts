import { randomBytes } from 'node:crypto';
import zlib from 'node:zlib';
import { collect } from '@img/spec/collect';
import { digestOf } from '@img/spec/digest';
import type { LayerCompression } from '@img/spec/media-types';
import test from 'ava';
import { compress } from './compress.ts';
import { decompress } from './decompress.ts';
import { loadZstd, type Zstd } from './zstd.ts';
import { zstdFramePieces } from './zstd-frames.ts';
import { nodeZstd } from './zstd-node.ts';
import { loadWasmZstd } from './zstd-wasm.ts';

const MiB = 1024 * 1024;
const text = (content: string) => new TextEncoder().encode(content);
const zstd = (content: Uint8Array) => zlib.zstdCompressSync(content);
const withChecksum = (content: Uint8Array) => {
  return zlib.zstdCompressSync(content, { params: { [zlib.constants.ZSTD_c_checksumFlag]: 1 } });
};
const concat = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
const skippable = (bytes: number, magic = 0x50) => {
  const frame = Buffer.alloc(8 + bytes, 7);
  frame.set([magic, 0x2a, 0x4d, 0x18]);
  frame.writeUInt32LE(bytes, 4);
  return frame;
};

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

async function unpack(
  bytes: Uint8Array,
  compression: LayerCompression,
  chunkBytes = 64 * 1024,
  maxBytes = 256 * MiB,
): Promise<Uint8Array> {
  return await collect(decompress(cut(bytes, chunkBytes), { compression, maxBytes }), 256 * MiB, 'output');
}

/** Half noise, half repetition, so that there are compressed, raw and repeated blocks. */
function mixed(bytes: number): Uint8Array {
  const content = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 100_000) {
    content.set(randomBytes(Math.min(40_000, bytes - at)), at);
  }
  return content;
}

const implementations: readonly [name: string, load: () => Promise<Zstd>][] = [
  ['node', async () => nodeZstd],
  ['wasm', loadWasmZstd],
];

for (const [name, load] of implementations) {
  const decode = async (bytes: Uint8Array, chunkBytes: number) => {
    const codec = await load();
    return await collect(codec.decompress(zstdFramePieces(cut(bytes, chunkBytes))), 64 * MiB, 'output');
  };

  for (const [what, content] of [
    ['nothing', new Uint8Array()],
    ['a few bytes', text('hello world')],
    ['more than a block', mixed(300_000)],
    ['more than a window', mixed(9 * MiB)],
    ['zeros', new Uint8Array(5 * MiB)],
  ] as const) {
    for (const level of [1, 3, 19]) {
      test(`${name} zstd gives back ${what} from level ${level}, to itself and to Node's one-shot decoder`, async (t) => {
        const frame = await (await load()).compressFrame(content, level);
        t.is(digestOf(await decode(frame, 10_000)), digestOf(content));
        t.is(digestOf(zlib.zstdDecompressSync(frame)), digestOf(content));
      });
    }
  }

  for (const [why, frames, expected] of [
    ['two frames, as appended streams are', concat(zstd(text('a')), zstd(text('b'))), 'ab'],
    ['a skippable frame first, as zstd:chunked may have', concat(skippable(9), zstd(text('a'))), 'a'],
    ['a skippable frame last, where its table of contents is', concat(zstd(text('a')), skippable(9)), 'a'],
    ['an empty skippable frame between', concat(zstd(text('a')), skippable(0, 0x5f), zstd(text('b'))), 'ab'],
    ['only a skippable frame', skippable(3), ''],
    ['frames with checksums', concat(withChecksum(text('a')), withChecksum(text('b'))), 'ab'],
    ['an empty frame between', concat(zstd(text('a')), zstd(text('')), zstd(text('b'))), 'ab'],
  ] as const) {
    for (const chunkBytes of [1, 7, 1000]) {
      test(`${name} zstd decodes ${why}, in pieces of ${chunkBytes}`, async (t) => {
        t.is(new TextDecoder().decode(await decode(frames, chunkBytes)), expected);
      });
    }
  }

  test(`${name} zstd decodes thousands of frames cut anywhere`, async (t) => {
    const parts = Array.from({ length: 3000 }, (_, index) => randomBytes((index * 37) % 900));
    const compressed = concat(...parts.map((part, index) => (index % 2 === 0 ? zstd : withChecksum)(part)));
    for (const chunkBytes of [333, 65_536]) {
      t.is(digestOf(await decode(compressed, chunkBytes)), digestOf(concat(...parts)));
    }
  });

  test(`${name} zstd refuses content that was changed`, async (t) => {
    await t.throwsAsync(decode(damaged(withChecksum(mixed(100_000))), 1000));
  });
}

test('wasm zstd says that a window is too large for it', async (t) => {
  const frame = zlib.zstdCompressSync(mixed(20 * MiB), { params: { [zlib.constants.ZSTD_c_windowLog]: 24 } });
  const wasm = await loadWasmZstd();
  await t.throwsAsync(drain(wasm.decompress(zstdFramePieces(cut(frame, MiB)))), {
    code: 'COMPRESSED_INVALID',
    message: /memory/,
  });
});

test('loadZstd() takes the implementation of Node', async (t) => {
  t.is(await loadZstd(), nodeZstd);
});

for (const [why, bytes] of [
  ['an empty stream', new Uint8Array()],
  ['a stream shorter than a magic number', Uint8Array.of(0x28, 0xb5)],
  ['a stream that ends in a header', zstd(text('hello')).subarray(0, 5)],
  ['a stream that ends in a block', zstd(mixed(50_000)).subarray(0, 30_000)],
  ['a stream that ends in a checksum', withChecksum(text('hello')).subarray(0, -1)],
  ['a second frame that is cut off', concat(zstd(text('a')), zstd(text('b'))).subarray(0, -1)],
  ['a skippable frame that is cut off', concat(zstd(text('a')), skippable(9)).subarray(0, -1)],
  ['garbage', text('this is no frame at all')],
  ['garbage after a frame', concat(zstd(text('a')), text('garbage'))],
  ['zeros after a frame', concat(zstd(text('a')), new Uint8Array(512))],
  ['a block of the reserved type', Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 1, 0x0f, 0, 0, 1)],
  ['a block larger than blocks may be', Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 1, 0xf9, 0xff, 0xff, 1)],
  ['gzip, whatever the content looks like', zlib.gzipSync('hello')],
  ['a damaged block', damaged(withChecksum(mixed(100_000)))],
] as const) {
  test(`decompress() refuses as zstd ${why}`, async (t) => {
    await t.throwsAsync(unpack(bytes, 'zstd'), { code: 'COMPRESSED_INVALID' });
    await t.throwsAsync(unpack(bytes, 'zstd', 1), { code: 'COMPRESSED_INVALID' });
  });
}

for (const [why, bytes, expected] of [
  ['one member', zlib.gzipSync('hello'), 'hello'],
  ['several members', concat(zlib.gzipSync('hello '), zlib.gzipSync('world')), 'hello world'],
  ['an empty member', concat(zlib.gzipSync(''), zlib.gzipSync('hello')), 'hello'],
  ['a thousand members', concat(...Array.from({ length: 1000 }, () => zlib.gzipSync('a'))), 'a'.repeat(1000)],
] as const) {
  test(`decompress() reads gzip with ${why}`, async (t) => {
    for (const chunkBytes of [1, 5, 1000]) {
      t.is(new TextDecoder().decode(await unpack(bytes, 'gzip', chunkBytes)), expected);
    }
  });
}

for (const [why, bytes] of [
  ['an empty stream', new Uint8Array()],
  ['a stream that is cut off', zlib.gzipSync('hello').subarray(0, -2)],
  ['a second member that is cut off', concat(zlib.gzipSync('a'), zlib.gzipSync('b')).subarray(0, -2)],
  ['a changed byte', damaged(zlib.gzipSync(mixed(100_000)))],
  ['garbage', text('this is no gzip at all')],
  ['zeros after a member', concat(zlib.gzipSync('hello'), new Uint8Array(512))],
  ['one byte of a second member', concat(zlib.gzipSync('hello'), Uint8Array.of(0x1f))],
  ['garbage after a member', concat(zlib.gzipSync('hello'), text('garbage'))],
  ['zstd, whatever the content looks like', zstd(text('hello'))],
  ['an uncompressed tar', new Uint8Array(1024)],
] as const) {
  test(`decompress() refuses as gzip ${why}`, async (t) => {
    for (const chunkBytes of [1, bytes.byteLength - 512, 65_536]) {
      await t.throwsAsync(unpack(bytes, 'gzip', Math.max(1, chunkBytes)), { code: 'COMPRESSED_INVALID' });
    }
  });
}

for (const compression of ['none', 'gzip', 'zstd'] as const) {
  test(`decompress() gives back what compress() made: ${compression}`, async (t) => {
    const content = mixed(3 * MiB);
    const packed = await collect(compress(cut(content, 10_000), { compression }), 4 * MiB, 'packed');
    t.is(digestOf(await unpack(packed, compression)), digestOf(content));
  });

  test(`compress() makes the same bytes however the input is cut and by however many workers: ${compression}`, async (t) => {
    const content = mixed(20 * MiB);
    const digests = new Set<string>();
    for (const [chunkBytes, workers] of [
      [MiB, 1],
      [12_345, 2],
      [5 * MiB, 3],
    ] as const) {
      const packed = compress(cut(content, chunkBytes), { compression, workers, level: 1 });
      digests.add(digestOf(await collect(packed, 21 * MiB, 'packed')));
    }
    t.is(digests.size, 1);
  });

  test(`decompress() stops at the limit and takes exactly the limit: ${compression}`, async (t) => {
    const content = mixed(MiB);
    const packed = await collect(compress(cut(content, MiB), { compression }), 2 * MiB, 'packed');
    t.is((await unpack(packed, compression, 1000, MiB)).byteLength, MiB);
    await t.throwsAsync(unpack(packed, compression, 1000, MiB - 1), { code: 'DECOMPRESSED_TOO_LONG' });
  });

  test(`decompress() and compress() pass an error of the source on as it is: ${compression}`, async (t) => {
    const lost = new Error('connection lost');
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield (await collect(compress(cut(mixed(1000), 1000), { compression }), MiB, 'x')).subarray(0, 100);
      throw lost;
    }
    t.is(await t.throwsAsync(drain(decompress(failing(), { compression, maxBytes: MiB }))), lost);
    t.is(await t.throwsAsync(drain(compress(failing(), { compression }))), lost);
  });

  test(`decompress() ends the source when its reader stops early: ${compression}`, async (t) => {
    const packed = await collect(compress(cut(mixed(MiB), MiB), { compression }), 2 * MiB, 'packed');
    let isEnded = false;
    async function* watched(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield* cut(packed, 1000);
      } finally {
        isEnded = true;
      }
    }
    for await (const chunk of decompress(watched(), { compression, maxBytes: 256 * MiB })) {
      t.true(chunk.byteLength > 0);
      break;
    }
    t.true(isEnded);
  });
}

test('decompress() ends a bomb long before its end', async (t) => {
  // 2 kB for every 64 MiB of zeros, without end.
  const bomb = zstd(new Uint8Array(64 * MiB));
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) yield bomb;
  }
  const error = await t.throwsAsync(
    drain(decompress(endless(), { compression: 'zstd', maxBytes: Number.MAX_SAFE_INTEGER })),
    { code: 'DECOMPRESSED_TOO_LONG' },
  );
  t.regex(error?.message ?? '', /more than 10000 times as long/);
});

function damaged(bytes: Uint8Array): Uint8Array {
  const middle = bytes.byteLength >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 0xff;
  return bytes;
}

async function drain(source: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of source) void chunk;
}
