import {
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '@img/spec/digest';
import test from 'ava';
import { flip, keepTime } from '../testing/change-file.ts';
import { archive, layerPath, makeStore, putArchive } from '../testing/layer-host.ts';
import { tarArchive } from '../testing/tar-bytes.ts';
import { LayerIndexer } from './layer-indexer.ts';
import { digestFileName } from './layer-place.ts';

test('check() needs no hashing after put(), and hashes again when a file was touched', async (t) => {
  const { store, layers, run } = makeStore(t);
  const diffId = await putArchive(store);
  const stamp = join(run, 'stamps', `layer-${digestFileName(diffId)}.json`);
  const before = readFileSync(stamp, 'utf8');
  await store.check(diffId);
  t.is(readFileSync(stamp, 'utf8'), before);
  utimesSync(layerPath(layers, diffId, 'tar'), 1, 1);
  await store.check(diffId);
  t.not(readFileSync(stamp, 'utf8'), before);
});

test('check() of a layer that is not there says so', async (t) => {
  const { store, layers } = makeStore(t);
  await t.throwsAsync(store.check(digestOf(archive)), { code: 'LAYER_MISSING', message: /sha256:/ });
  const diffId = await putArchive(store);
  unlinkSync(layerPath(layers, diffId, 'index'));
  t.false(await store.has(diffId));
  await t.throwsAsync(store.check(diffId), { code: 'LAYER_MISSING' });
});

/** Does something whenever a piece of a layer was read. */
function atEachPiece(action: () => void): { readonly signal: AbortSignal } {
  return { signal: Object.assign(new AbortController().signal, { throwIfAborted: action }) };
}

test('check() looks again when a collector or a repair touched a file meanwhile', async (t) => {
  const { store, layers, run } = makeStore(t);
  const diffId = await putArchive(store);
  rmSync(join(run, 'stamps'), { recursive: true });
  let touches = 0;
  const options = atEachPiece(() => {
    if (touches === 0) utimesSync(layerPath(layers, diffId, 'tar'), 1, 1);
    touches += 1;
  });
  t.is((await store.check(diffId, options)).diffId, diffId);
  t.is(touches, 2);
});

test('check() of a file that is touched for ever says so', async (t) => {
  const { store, layers, run } = makeStore(t);
  const diffId = await putArchive(store);
  rmSync(join(run, 'stamps'), { recursive: true });
  let seconds = 0;
  const options = atEachPiece(() => {
    seconds += 1;
    utimesSync(layerPath(layers, diffId, 'tar'), seconds, seconds);
  });
  await t.throwsAsync(store.check(diffId, options), {
    code: 'LAYER_DAMAGED',
    message: /changed each time it was checked/,
  });
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
      keepTime(tar, () => flip(tar, 1600));
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
    await action(layerPath(layers, diffId, 'tar'), layerPath(layers, diffId, 'index'));
    for (let round = 0; round < 2; round += 1) {
      const error = await t.throwsAsync(store.check(diffId), { code: 'LAYER_DAMAGED' });
      t.true(error?.message.includes(diffId));
    }
  });
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
  const tar = layerPath(layers, diffId, 'tar');
  flip(tar, 1600);
  writeFileSync(stamp, '{"boot":1,"value":{}}');
  await t.throwsAsync(store.check(diffId), { code: 'LAYER_DAMAGED' });
});

test('readIndex() refuses an index that was changed after the check', async (t) => {
  const { store, layers } = makeStore(t);
  const checked = await store.check(await putArchive(store));
  flip(layerPath(layers, checked.diffId, 'index'), 90);
  t.throws(() => store.readIndex(checked), { code: 'LAYER_DAMAGED' });
});
