import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { type Digest, digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import test, { type ExecutionContext } from 'ava';
import { paxHeader, tarArchive, tarMemberBytes } from '../testing/tar-bytes.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { digestFileName } from './layer-place.ts';
import { LayerStore } from './layer-store.ts';
import type { LayerContent } from './put-layer.ts';

const archive = tarArchive(
  { path: './', type: '5' },
  { path: './file', content: 'x'.repeat(5000) },
  { path: './other', content: 'y'.repeat(700) },
);

function makeStore(t: ExecutionContext): { store: LayerStore; root: string; run: string; layers: string } {
  const folder = temporaryFolder(t);
  const [root, run] = [join(folder, 'root'), join(folder, 'run')];
  return { store: new LayerStore({ root, run }), root, run, layers: join(root, 'layers') };
}

function contentOf(blob: Uint8Array, plain: Uint8Array, mediaType: string): LayerContent {
  return { descriptor: { mediaType, digest: digestOf(blob), size: blob.length }, diffId: digestOf(plain) };
}

async function* chunksOf(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function putArchive(store: LayerStore, plain: Uint8Array = archive): Promise<Digest> {
  const blob = gzipSync(plain);
  const content = contentOf(blob, plain, mediaTypes.ociLayerGzip);
  await store.put(content, chunksOf(blob));
  return content.diffId;
}

const path = (layers: string, diffId: Digest, kind: 'tar' | 'index') =>
  join(layers, `${digestFileName(diffId)}.${kind}`);

const compressions: readonly (readonly [mediaType: string, compress: (bytes: Uint8Array) => Uint8Array])[] = [
  [mediaTypes.ociLayer, (bytes) => bytes],
  [mediaTypes.ociLayerGzip, (bytes) => gzipSync(bytes)],
  [mediaTypes.ociLayerZstd, (bytes) => zstdCompressSync(bytes)],
  [mediaTypes.dockerLayerGzip, (bytes) => gzipSync(bytes)],
];

for (const [mediaType, compress] of compressions) {
  test(`put() keeps a layer of the type ${mediaType} as one uncompressed file`, async (t) => {
    const { store, layers } = makeStore(t);
    const blob = compress(archive);
    const content = contentOf(blob, archive, mediaType);
    t.false(await store.has(content.diffId));
    await store.put(content, chunksOf(blob));
    t.true(await store.has(content.diffId));
    t.deepEqual(await store.list(), [content.diffId]);
    t.true(readFileSync(path(layers, content.diffId, 'tar')).equals(archive));
    t.deepEqual(readdirSync(layers).sort(), [
      `${digestFileName(content.diffId)}.index`,
      `${digestFileName(content.diffId)}.tar`,
    ]);
    const index = store.readIndex(await store.check(content.diffId));
    t.deepEqual(
      index.entries.map((entry) => [entry.kind, entry.path as string, entry.size]),
      [
        ['directory', '', 0],
        ['file', 'file', 5000],
        ['file', 'other', 700],
      ],
    );
  });
}

test('put() keeps a layer whose diffID is a sha512', async (t) => {
  const { store } = makeStore(t);
  const diffId = digestOf(archive, 'sha512');
  await store.put({ ...contentOf(archive, archive, mediaTypes.ociLayer), diffId }, chunksOf(archive));
  t.is((await store.check(diffId)).diffId, diffId);
});

test('put() reads nothing of a layer that is there', async (t) => {
  const { store } = makeStore(t);
  await putArchive(store);
  await t.notThrowsAsync(
    store.put(
      contentOf(archive, archive, mediaTypes.ociLayer),
      (async function* (): AsyncGenerator<Uint8Array> {
        yield* [];
        t.fail('the source was read');
      })(),
    ),
  );
});

test('put() of one layer by many at once leaves one layer', async (t) => {
  const { store, layers, root, run } = makeStore(t);
  const others = Array.from({ length: 5 }, () => new LayerStore({ root, run }));
  const [diffId] = await Promise.all([store, ...others].map((each) => putArchive(each)));
  t.is(readdirSync(layers).length, 2);
  await t.notThrowsAsync(store.check(diffId as Digest));
});

const blob = gzipSync(archive);
const good = contentOf(blob, archive, mediaTypes.ociLayerGzip);
const hostile = (bytes: Uint8Array): readonly [LayerContent, AsyncIterable<Uint8Array>] => [
  contentOf(bytes, bytes, mediaTypes.ociLayer),
  chunksOf(bytes),
];
const bomb = gzipSync(Buffer.alloc(100_000_000));

const refused: readonly (readonly [
  code: string,
  reason: string,
  make: () => readonly [LayerContent, AsyncIterable<Uint8Array>],
])[] = [
  [
    'LAYER_MISMATCH',
    'another content than the config says',
    () => [{ ...good, diffId: digestOf(Buffer.from('other')) }, chunksOf(blob)],
  ],
  [
    'CONTENT_MISMATCH',
    'a changed blob',
    () => [
      { ...good, descriptor: { ...good.descriptor, digest: digestOf(Buffer.from('x')) } },
      chunksOf(blob),
    ],
  ],
  ['CONTENT_SIZE', 'a blob that is cut short', () => [good, chunksOf(blob.subarray(0, -8))]],
  ['CONTENT_SIZE', 'a blob that goes on', () => [good, chunksOf(Buffer.concat([blob, blob]))]],
  [
    'COMPRESSED_INVALID',
    'a blob of another compression than its type says',
    () => [contentOf(archive, archive, mediaTypes.ociLayerGzip), chunksOf(archive)],
  ],
  [
    'DECOMPRESSED_TOO_LONG',
    'a bomb',
    () => [contentOf(bomb, Buffer.alloc(0), mediaTypes.ociLayerGzip), chunksOf(bomb)],
  ],
  [
    'ARCHIVE_UNSUPPORTED',
    'a blob that is no layer',
    () => [contentOf(archive, archive, 'application/json'), chunksOf(archive)],
  ],
  ['ARCHIVE_INVALID', 'a layer that is no archive', () => hostile(Buffer.alloc(2048, 'x'))],
  [
    'ARCHIVE_TRUNCATED',
    'an archive that is cut short',
    () => hostile(tarMemberBytes({ size: 10_000, content: 'x' })),
  ],
  ['ARCHIVE_LIMIT', 'a file of a size that no disk has', () => hostile(tarArchive({ size: 2 ** 50 }))],
  [
    'ENTRY_PATH_INVALID',
    'a member outside of the image',
    () => hostile(tarArchive({ path: '../../etc/cron.d/x', content: 'x' })),
  ],
  [
    'ENTRY_LINK_INVALID',
    'a hard link to the host',
    () => hostile(tarArchive({ path: 'x', type: '1', link: '../../etc/shadow' })),
  ],
  [
    'ENTRY_WHITEOUT_INVALID',
    'a whiteout of the folder above',
    () => hostile(tarArchive({ path: 'a/.wh...' })),
  ],
  [
    'ENTRY_DEVICE_INVALID',
    'a device that stands for a whiteout',
    () => hostile(tarArchive({ type: '3', device: [0, 0] })),
  ],
];

for (const [code, reason, make] of refused) {
  test(`put() refuses ${reason}, and keeps nothing`, async (t) => {
    const { store, layers, run } = makeStore(t);
    const [content, source] = make();
    await t.throwsAsync(store.put(content, source, { maxBytes: 50_000_000 }), { code });
    t.false(await store.has(content.diffId));
    t.deepEqual(existsSync(layers) ? readdirSync(layers) : [], []);
    t.false(existsSync(join(run, 'stamps')));
  });
}

test('put() ends with what the source throws, and keeps nothing', async (t) => {
  const { store, layers } = makeStore(t);
  const broken = async function* (): AsyncGenerator<Uint8Array> {
    yield blob.subarray(0, 50);
    throw new Error('the line went down');
  };
  await t.throwsAsync(store.put(good, broken()), { message: 'the line went down' });
  t.deepEqual(readdirSync(layers), []);
});

test('put() can be cancelled, and keeps nothing', async (t) => {
  const { store, layers } = makeStore(t);
  const controller = new AbortController();
  let isEnded = false;
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield tarMemberBytes({ size: 2 ** 33 });
      for (;;) {
        yield Buffer.alloc(1024 * 1024);
        controller.abort(new Error('enough'));
      }
    } finally {
      isEnded = true;
    }
  };
  const content = {
    ...good,
    descriptor: { ...good.descriptor, mediaType: mediaTypes.ociLayer, size: 2 ** 34 },
  };
  await t.throwsAsync(store.put(content, endless(), { signal: controller.signal }), { message: 'enough' });
  t.true(isEnded);
  t.deepEqual(readdirSync(layers), []);
});

test('check() needs no hashing after put(), and hashes again when a file was touched', async (t) => {
  const { store, layers, run } = makeStore(t);
  const diffId = await putArchive(store);
  const stamp = join(run, 'stamps', `layer-${digestFileName(diffId)}.json`);
  const before = readFileSync(stamp, 'utf8');
  await store.check(diffId);
  t.is(readFileSync(stamp, 'utf8'), before);
  utimesSync(path(layers, diffId, 'tar'), 1, 1);
  await store.check(diffId);
  t.not(readFileSync(stamp, 'utf8'), before);
});

test('check() of a layer that is not there says so', async (t) => {
  const { store, layers } = makeStore(t);
  await t.throwsAsync(store.check(digestOf(archive)), { code: 'LAYER_MISSING', message: /sha256:/ });
  const diffId = await putArchive(store);
  unlinkSync(path(layers, diffId, 'index'));
  t.false(await store.has(diffId));
  await t.throwsAsync(store.check(diffId), { code: 'LAYER_MISSING' });
});

const tampering: readonly (readonly [
  reason: string,
  action: (tar: string, index: string) => void | Promise<void>,
])[] = [
  ['a byte of a content', (tar) => flip(tar, 1600)],
  ['a byte of a header', (tar) => flip(tar, 600)],
  ['a byte after the end of the archive', (tar) => flip(tar, statSync(tar).size - 1)],
  [
    'a byte of a content, with the old time put back',
    (tar) => {
      const { atime, mtime } = statSync(tar);
      flip(tar, 1600);
      utimesSync(tar, atime, mtime);
    },
  ],
  ['a byte more', (tar) => writeFileSync(tar, '\0', { flag: 'a' })],
  ['a byte less', (tar) => truncateSync(tar, statSync(tar).size - 1)],
  [
    'another archive in its place',
    async (tar) => {
      writeFileSync(`${tar}-new`, tarArchive({ path: 'evil' }));
      await rename(`${tar}-new`, tar);
    },
  ],
  [
    'a link in its place',
    (tar) => {
      writeFileSync(`${tar}-new`, archive);
      unlinkSync(tar);
      symlinkSync(`${tar}-new`, tar);
    },
  ],
  ['a byte of the index', (_, index) => flip(index, 90)],
  [
    'an index of something else',
    async (tar, index) => {
      const { LayerIndexer } = await import('./layer-indexer.ts');
      const indexer = new LayerIndexer();
      indexer.push(tarArchive({ path: 'evil' }));
      writeFileSync(index, indexer.finish(digestOf(readFileSync(tar))));
    },
  ],
];

for (const [reason, action] of tampering) {
  test(`check() notices ${reason}, and names the layer`, async (t) => {
    const { store, layers } = makeStore(t);
    const diffId = await putArchive(store);
    await action(path(layers, diffId, 'tar'), path(layers, diffId, 'index'));
    for (let round = 0; round < 2; round += 1) {
      const error = await t.throwsAsync(store.check(diffId), { code: 'LAYER_DAMAGED' });
      t.true(error?.message.includes(diffId));
    }
  });
}

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

test('check() does not trust a stamp of another boot, nor one that is damaged', async (t) => {
  const { store, layers, run } = makeStore(t);
  const diffId = await putArchive(store);
  const stamp = join(run, 'stamps', `layer-${digestFileName(diffId)}.json`);
  const right = readFileSync(stamp, 'utf8');
  for (const wrong of [
    right.replace(/"boot":"../, '"boot":"xx'),
    '',
    '{}',
    'null',
    '[]',
    right.slice(0, -1),
  ]) {
    writeFileSync(stamp, wrong);
    await store.check(diffId);
    t.is(readFileSync(stamp, 'utf8'), right, 'it was made anew');
  }
  const tar = path(layers, diffId, 'tar');
  flip(tar, 1600);
  writeFileSync(stamp, '{"boot":1,"value":{}}');
  await t.throwsAsync(store.check(diffId), { code: 'LAYER_DAMAGED' });
});

test('readIndex() refuses an index that was changed after the check', async (t) => {
  const { store, layers } = makeStore(t);
  const checked = await store.check(await putArchive(store));
  flip(path(layers, checked.diffId, 'index'), 90);
  t.throws(() => store.readIndex(checked), { code: 'LAYER_DAMAGED' });
});

test('remove() removes a layer and what is known of it, and does not mind if it is not there', async (t) => {
  const { store, layers, run } = makeStore(t);
  const diffId = await putArchive(store);
  const other = await putArchive(store, tarArchive({ path: 'other' }));
  await store.remove(diffId);
  t.deepEqual(await store.list(), [other]);
  t.is(readdirSync(layers).length, 2);
  t.is(readdirSync(join(run, 'stamps')).length, 1);
  await t.notThrowsAsync(store.remove(diffId));
});

test('list() and sweep() of an empty store are empty', async (t) => {
  const { store } = makeStore(t);
  t.deepEqual(await store.list(), []);
  t.deepEqual(await store.sweep(), []);
});

test('a killed put() leaves only what sweep() removes, at whatever instant', async (t) => {
  const { store, layers, root, run } = makeStore(t);
  const kept = await putArchive(store, tarArchive({ path: 'kept' }));
  const program = `
    import { LayerStore } from ${JSON.stringify(new URL('./layer-store.ts', import.meta.url).href)};
    const store = new LayerStore(${JSON.stringify({ root, run })});
    const archive = Buffer.from(process.argv[1], 'base64');
    async function* source() {
      yield archive.subarray(0, 2000);
      console.log('begun');
      await new Promise((resolve) => setInterval(resolve, 2 ** 30));
    }
    await store.put(JSON.parse(process.argv[2]), source());
  `;
  const content = contentOf(archive, archive, mediaTypes.ociLayer);
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', program, archive.toString('base64'), JSON.stringify(content)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(child.stdout, 'data');
  t.deepEqual(await store.sweep(), [], 'what is being made is left alone');
  t.is(readdirSync(layers).length, 3);
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.is((await store.sweep()).length, 1);
  t.deepEqual(await store.list(), [kept]);
  t.is(readdirSync(layers).length, 2);
});

test('sweep() removes an archive that never got its index', async (t) => {
  const { store, layers } = makeStore(t);
  const diffId = await putArchive(store);
  unlinkSync(path(layers, diffId, 'index'));
  t.deepEqual(await store.sweep(), [`${digestFileName(diffId)}.tar`]);
  t.deepEqual(readdirSync(layers), []);
});

test('a member with attributes and a layer without members are stored too', async (t) => {
  const { store } = makeStore(t);
  const empty = await putArchive(store, Buffer.alloc(1024));
  const rich = await putArchive(store, tarArchive(paxHeader([['SCHILY.xattr.user.x', 'y']]), {}));
  t.is(store.readIndex(await store.check(empty)).entries.length, 0);
  t.is(store.readIndex(await store.check(rich)).entries[0]?.xattrs?.size, 1);
});
