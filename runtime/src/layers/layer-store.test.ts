import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { collectGarbage, findGarbage } from '@img/registry/images/collect-garbage';
import { type Digest, digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import test from 'ava';
import { archive, chunksOf, contentOf, layerPath, makeStore, putArchive } from '../testing/layer-host.ts';
import { paxHeader, tarArchive, tarMemberBytes } from '../testing/tar-bytes.ts';
import { digestFileName } from './layer-place.ts';
import { LayerStore } from './layer-store.ts';
import type { LayerContent } from './put-layer.ts';

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
    t.true(readFileSync(layerPath(layers, content.diffId, 'tar')).equals(archive));
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

test('put() keeps an archive that another process has just made, and adds the index that it lacks', async (t) => {
  const { store, layers } = makeStore(t);
  const diffId = await putArchive(store);
  const [tar, index] = [layerPath(layers, diffId, 'tar'), layerPath(layers, diffId, 'index')];
  unlinkSync(index);
  const { ino, ctimeNs } = statSync(tar, { bigint: true });
  await putArchive(store);
  const kept = statSync(tar, { bigint: true });
  t.deepEqual([kept.ino, kept.ctimeNs], [ino, ctimeNs]);
  await t.notThrowsAsync(store.check(diffId));
});

test('put() replaces an archive without index that is another one', async (t) => {
  const { store, layers } = makeStore(t);
  const diffId = await putArchive(store);
  unlinkSync(layerPath(layers, diffId, 'index'));
  writeFileSync(layerPath(layers, diffId, 'tar'), 'cut');
  await putArchive(store);
  await t.notThrowsAsync(store.check(diffId));
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
  [
    'CONTENT_MISMATCH',
    'a changed blob that can no longer be decompressed',
    () => [good, chunksOf(blob.with(20, (blob[20] ?? 0) ^ 0xff))],
  ],
  [
    'CONTENT_MISMATCH',
    'a changed blob that is no archive any more',
    () => [contentOf(archive, archive, mediaTypes.ociLayer), chunksOf(archive.with(3, 1))],
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
    const error = await t.throwsAsync(store.put(content, source, { maxBytes: 50_000_000 }), { code });
    if (/^(?:ARCHIVE|ENTRY)_/.test(code)) t.true(error?.message.includes(content.descriptor.digest));
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

test('a store is collected as images are: what is needed stays, or comes back', async (t) => {
  const { store, layers } = makeStore(t);
  const kept = await putArchive(store, tarArchive({ path: 'kept' }));
  const late = await putArchive(store, tarArchive({ path: 'late' }));
  const unneeded = await putArchive(store);
  const answers = [new Set([kept]), new Set([kept, late])];
  const needed = () => Promise.resolve(answers.shift() ?? new Set<Digest>());
  t.deepEqual(await collectGarbage([store], needed), [unneeded]);
  t.deepEqual(await store.list(), [kept, late].sort());
  t.is((await store.check(late)).diffId, late);
  t.deepEqual(readdirSync(join(layers, 'trash')), []);
});

for (const [hidden, reason] of [
  [['tar', 'index'], 'a collector has just hidden it'],
  [['tar'], 'a collector was killed before it hid the index'],
  [['index'], 'another process brings it back at the same moment'],
] as const) {
  test(`check() brings back a layer that is needed: ${reason}`, async (t) => {
    const { store, layers } = makeStore(t);
    const diffId = await putArchive(store);
    await store.hide(diffId);
    for (const ending of ['tar', 'index'] as const) {
      const name = `${diffId.replace(':', '-')}.${ending}`;
      if (!hidden.some((one) => one === ending)) renameSync(join(layers, 'trash', name), join(layers, name));
    }
    t.is((await store.check(diffId)).diffId, diffId);
    t.deepEqual(readdirSync(join(layers, 'trash')), []);
    await store.removeHidden(diffId);
    t.true(await store.has(diffId), 'the collector comes too late');
  });
}

test('what a killed collector had hidden comes back, and no sweep takes it', async (t) => {
  const { store } = makeStore(t);
  const diffId = await putArchive(store);
  const sizeBytes = await store.sizeBytes(diffId);
  t.true(sizeBytes > 1024, 'the archive alone ends with as many zeros');
  await store.hide(diffId);
  t.deepEqual(await findGarbage([store], () => Promise.resolve(new Set())), [{ digest: diffId, sizeBytes }]);
  t.deepEqual(await findGarbage([store], () => Promise.resolve(new Set([diffId]))), []);
  t.false(await store.has(diffId));
  t.deepEqual(await store.list(), []);
  t.deepEqual(await store.sweep(), []);
  t.deepEqual(await store.listHidden(), [diffId]);
  await collectGarbage([store], () => Promise.resolve(new Set([diffId])));
  t.true(await store.has(diffId));
  await t.notThrowsAsync(store.check(diffId));
});

test('a layer that is put while it is hidden stays', async (t) => {
  const { store } = makeStore(t);
  const diffId = await putArchive(store);
  await store.hide(diffId);
  await putArchive(store);
  await store.removeHidden(diffId);
  await t.notThrowsAsync(store.check(diffId));
  await store.hide(diffId);
  await putArchive(store);
  await store.show(diffId);
  await t.notThrowsAsync(store.check(diffId));
  t.deepEqual(await store.listHidden(), []);
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
  unlinkSync(layerPath(layers, diffId, 'index'));
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
