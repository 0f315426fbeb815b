import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { collect } from '@img/spec/collect';
import { digestOf } from '@img/spec/digest';
import test from 'ava';
import { extract } from 'tar-stream';
import { makeTar } from '../testing/make-deb.ts';
import { runTool } from '../testing/tool.ts';
import { blocksOf } from './blocks.ts';
import { LayerCache } from './layer-cache.ts';
import { mergeTars } from './merge-tars.ts';
import type { PackageLayer } from './package-layers.ts';
import { planLayers } from './plan-layers.ts';
import { readLayer } from './read-layer.ts';
import { writeLayer } from './write-layer.ts';

const content = Buffer.concat([randomBytes(100_000), Buffer.alloc(3_000_000, 'img '), randomBytes(7)]);

async function* pieces(bytes: Uint8Array, size: number, isSlow = false): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) {
    if (isSlow) await new Promise(setImmediate);
    yield bytes.subarray(at, at + size);
  }
}

test('blocksOf() gives the same bytes in blocks of one size, each its own', async (t) => {
  for (const size of [1, 7, 1000, 10_000]) {
    const blocks = await Array.fromAsync(blocksOf(pieces(content.subarray(0, 5500), size), 1000));
    t.deepEqual(
      blocks.map((block) => block.byteLength),
      [1000, 1000, 1000, 1000, 1000, 500],
    );
    t.deepEqual(Buffer.concat(blocks), content.subarray(0, 5500));
  }
  t.deepEqual(await Array.fromAsync(blocksOf(pieces(Buffer.alloc(0), 1))), []);
});

for (const [compression, tool] of [
  ['zstd', 'zstd'],
  ['gzip', 'gzip'],
  ['none', 'cat'],
] as const) {
  test(`writeLayer() says what it wrote, and other programs read it: ${compression}`, async (t) => {
    const path = join(temporaryFolder(t), 'new/layer');
    const layer = await writeLayer(pieces(content, 50_000), path, compression);
    const file = await readFile(path);
    t.is(layer.digest, digestOf(file));
    t.is(layer.sizeBytes, file.byteLength);
    t.is(layer.diffId, digestOf(content));
    t.is(layer.tarBytes, content.byteLength);
    if (!needsTool(t, tool)) return;
    const args = compression === 'none' ? [path] : ['-dc', path];
    t.is(runTool(tool, args, { encoding: 'latin1' }), content.toString('latin1'));
  });

  test(`writeLayer() stops in the middle of a tar without an end, and leaves nothing: ${compression}`, async (t) => {
    const folder = temporaryFolder(t);
    const controller = new AbortController();
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (let count = 0; ; count += 1) {
        if (count === 100) controller.abort(new Error('stopped'));
        yield content.subarray(0, 50_000);
      }
    }
    const path = join(folder, 'layer');
    const { signal } = controller;
    await t.throwsAsync(writeLayer(endless(), path, compression, { signal }), { message: 'stopped' });
    t.deepEqual(await readdir(folder), []);
  });

  test(`writeLayer() gives the same bytes however the tar comes: ${compression}`, async (t) => {
    const path = join(temporaryFolder(t), 'layer');
    const small = content.subarray(0, 300);
    for (const bytes of [content, small, Buffer.alloc(0), content.subarray(0, 1024 * 1024)]) {
      const expected = (await writeLayer(pieces(bytes, 1e9), path, compression)).digest;
      t.is((await writeLayer(pieces(bytes, 333), path, compression)).digest, expected);
      t.is((await writeLayer(pieces(bytes, 100_000, true), path, compression)).digest, expected);
    }
  });
}

test('writeLayer() leaves nothing behind when the tar fails', async (t) => {
  const folder = temporaryFolder(t);
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield content;
    throw new Error('lost');
  }
  await t.throwsAsync(writeLayer(failing(), join(folder, 'layer'), 'zstd'), { message: 'lost' });
  t.deepEqual(await readdir(folder), []);
});

test('LayerCache finds what it was given, with its notes, also from another process', async (t) => {
  const folder = temporaryFolder(t);
  const made = await new LayerCache(folder).put('a/b', pieces(content, 1e6), {
    compression: 'zstd',
    notes: { builtSeconds: 7 },
  });
  t.deepEqual(await new LayerCache(folder).find('a/b'), made);
  t.is(await new LayerCache(folder).find('a/c'), undefined);
  const cache = new LayerCache(folder);
  t.deepEqual(Buffer.from(await collect(readLayer(cache, made), 1e9, 'layer')), content);
});

const damages: readonly [why: string, damage: (path: string) => Promise<void>][] = [
  ['without its layer', (path) => rm(path)],
  ['whose layer was cut short', (path) => writeFile(path, 'short')],
  [
    'that says something else',
    async (path) =>
      writeFile(`${path}.record`, (await readFile(`${path}.record`, 'utf8')).replace('null', '1234')),
  ],
  ['that is no JSON', (path) => writeFile(`${path}.record`, '{')],
  ['that is empty, as after a power loss', (path) => writeFile(`${path}.record`, '')],
];

for (const [why, damage] of damages) {
  test(`LayerCache passes over a record ${why}, and makes the layer again`, async (t) => {
    const cache = new LayerCache(temporaryFolder(t));
    const options = { compression: 'zstd', notes: null } as const;
    const made = await cache.put('key', pieces(content, 1e6), options);
    await damage(made.path);
    t.is(await cache.find('key'), undefined);
    t.deepEqual(await cache.put('key', pieces(content, 1e6), options), made);
    t.deepEqual(await cache.find('key'), made);
  });
}

test('readLayer() refuses a layer that was changed, and forgets it', async (t) => {
  const cache = new LayerCache(temporaryFolder(t));
  const made = await cache.put('key', pieces(content, 1e6), { compression: 'none', notes: null });
  const bytes = await readFile(made.path);
  bytes[50_000] = (bytes[50_000] ?? 0) ^ 1;
  await writeFile(made.path, bytes);
  await t.throwsAsync(collect(readLayer(cache, made), 1e9, 'layer'), { code: 'CACHE_CORRUPT' });
  t.is(await cache.find('key'), undefined);
});

test('LayerCache.sweep() removes what killed writers left, but not what is being written', async (t) => {
  const cache = new LayerCache(temporaryFolder(t));
  const hour = 3_600_000;
  const start = Date.now() - 36 * hour;
  await cache.sweep(new Date(start));
  const made = await cache.put('a/key', pieces(content, 1e6), { compression: 'none', notes: null });
  await mkdir(join(cache.folder, 'own'), { recursive: true });
  await writeFile(join(cache.folder, 'own/.tmp-old'), '');
  await writeFile(join(cache.folder, 'a/.tmp-new'), '');
  await utimes(join(cache.folder, 'own/.tmp-old'), 0, 0);
  await cache.sweep(new Date(start + 23 * hour));
  t.deepEqual(await readdir(join(cache.folder, 'own')), ['.tmp-old'], 'it looks once a day');
  await cache.sweep(new Date(start + 36 * hour));
  t.deepEqual(await readdir(join(cache.folder, 'own')), []);
  t.deepEqual((await readdir(join(cache.folder, 'a'))).sort(), ['.tmp-new', 'key', 'key.record']);
  t.deepEqual(await cache.find('a/key'), made);
});

test('mergeTars() has every member once, in order, with its content', async (t) => {
  const long = `${'n'.repeat(150)}/file`;
  const tars = [
    await makeTar([
      { name: 'usr/', type: 'directory' },
      { name: 'usr/a', content: 'a' },
      { name: 'usr/link', type: 'symlink', linkname: 'a' },
    ]),
    await makeTar([]),
    await makeTar([
      { name: 'usr/', type: 'directory' },
      { name: 'usr/b', content: 'b'.repeat(2000) },
      { name: 'usr/link', type: 'symlink', linkname: 'a' },
      { name: long, content: 'long' },
    ]),
  ];
  const folder = temporaryFolder(t);
  const merged = Buffer.concat(
    await Array.fromAsync(
      mergeTars(
        tars.map((tar) => pieces(tar, 100)),
        folder,
      ),
    ),
  );
  const found: [name: string, content: string][] = [];
  const reader = extract();
  reader.end(merged);
  for await (const entry of reader) {
    found.push([
      entry.header.name,
      Buffer.concat(await Array.fromAsync(entry as AsyncIterable<Uint8Array>)).toString(),
    ]);
  }
  t.deepEqual(found, [
    ['usr/', ''],
    ['usr/a', 'a'],
    ['usr/link', ''],
    ['usr/b', 'b'.repeat(2000)],
    [long, 'long'],
  ]);
  t.deepEqual(merged.subarray(-1024), Buffer.alloc(1024));
  t.deepEqual(await readdir(folder), []);
});

/** @param label the package's name and, after an `@`, that of its source if that has another one */
function layer(label: string, sizeBytes: number): PackageLayer {
  const [name = '', source = name] = label.split('@');
  return { package: { name, source: { name: source, version: '1' } }, sizeBytes } as PackageLayer;
}
const kB = 1024;

function plan(sizes: { readonly [name: string]: number }, maxLayers = 97) {
  const layers = Object.entries(sizes).map(([name, size]) => layer(name, size));
  const { own, shared } = planLayers(layers, maxLayers);
  const names = (list: readonly PackageLayer[]) => list.map((each) => each.package.name).join(' ');
  return [names(own), names(shared)];
}

const plans: readonly [
  why: string,
  sizes: { readonly [name: string]: number },
  max: number,
  own: string,
  shared: string,
][] = [
  ['large ones have their own', { a: 64 * kB, b: 64 * kB - 1, c: 1e9, d: 0 }, 97, 'a c', 'b d'],
  ['one small one shares with nobody', { a: 64 * kB, b: 10, c: 70 * kB }, 97, 'a b c', ''],
  ['only small ones share one', { a: 1, b: 2 }, 97, '', 'a b'],
  ['only large ones share none', { a: 1e6, b: 1e6 }, 97, 'a b', ''],
  [
    'the largest keep their own where there are too many',
    { a: 1e6, b: 4e6, c: 3e6, d: 2e6 },
    3,
    'b c',
    'a d',
  ],
  ['as many as there may be need not share', { a: 1e6, b: 4e6, c: 3e6 }, 3, 'a b c', ''],
  ['small ones take one of the places', { a: 1e6, b: 4e6, c: 3e6, d: 1, e: 1 }, 3, 'b c', 'a d e'],
  ['equal ones keep theirs by name', { d: 1e6, c: 1e6, b: 1e6, a: 1e6 }, 3, 'b a', 'd c'],
  [
    'small ones have their own beside a large one of the same source',
    { 'a@s': 64 * kB, 'b@s': 1, 'c@t': 1, 'd@t': 1 },
    97,
    'a b',
    'c d',
  ],
  [
    'small ones keep theirs where there are too many if the large one of the same source does',
    { 'a@s': 4e6, 'b@s': 1, c: 3e6, d: 2e6 },
    3,
    'a b',
    'c d',
  ],
  ['none', {}, 97, '', ''],
];

for (const [why, sizes, max, own, shared] of plans) {
  test(`planLayers(): ${why}`, (t) => t.deepEqual(plan(sizes, max), [own, shared]));
}
