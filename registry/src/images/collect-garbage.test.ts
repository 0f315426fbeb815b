import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { signatureTag } from '@img/sign/signature-manifest';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { type Digest, digestHex, digestOf } from '@img/spec/digest';
import { parseRegistryHost } from '@img/spec/registry-host';
import { referrersTag } from '@img/spec/routes';
import { parseTag, type Tag } from '@img/spec/tag';
import test, { type ExecutionContext } from 'ava';
import { startChild } from '../testing/child-process.ts';
import {
  contentOf,
  emptyConfig,
  opened,
  readAll,
  type TestContent,
  testImage,
  testIndex,
  testReferrer,
} from '../testing/content.ts';
import { app } from '../testing/start-double.ts';
import { type CollectedStore, collectGarbage } from './collect-garbage.ts';
import { ImageStore } from './image-store.ts';
import type { StoreRepository } from './store-repository.ts';

const location = { registry: parseRegistryHost('registry.example.com'), repository: app };
const worker = new URL('../testing/store-worker.ts', import.meta.url);
const tag = parseTag('1.0');
const image = testImage(['a layer', 'a layer of several images']);
const other = testImage(['another layer', 'a layer of several images'], 'arm64');
const index = testIndex([
  { image, architecture: 'amd64' },
  { image: other, architecture: 'arm64' },
]);
const note = contentOf('a note', 'text/x-note');
const referrer = testReferrer(image.manifest.descriptor, note);

/** A store that nothing is protected in any more. */
async function filled(
  t: ExecutionContext,
  fill: (repository: StoreRepository) => Promise<void>,
): Promise<ImageStore> {
  const store = new ImageStore(temporaryFolder(t));
  t.teardown(() => store.close());
  await fill(store.repository(location));
  await store.close();
  return store;
}

async function put(repository: StoreRepository, contents: readonly TestContent[]): Promise<void> {
  for (const { descriptor, bytes } of contents) await repository.putBlob({ descriptor }, opened(bytes));
}

async function putImage(
  repository: StoreRepository,
  { config, layers, manifest } = image,
  name?: Tag,
): Promise<void> {
  await put(repository, [config, ...layers]);
  await repository.putManifest(manifest, name === undefined ? {} : { tag: name });
}

function digestsOf(...contents: readonly TestContent[]): readonly Digest[] {
  return contents.map(({ descriptor }) => descriptor.digest).toSorted();
}

const everythingOf = (...images: readonly (typeof image)[]) => {
  return [
    ...new Set(digestsOf(...images.flatMap(({ config, layers, manifest }) => [config, ...layers, manifest]))),
  ];
};

test('what an image needs stays: index, manifests, configs, layers, and what is attached to them', async (t) => {
  const store = await filled(t, async (repository) => {
    await putImage(repository);
    await putImage(repository, other);
    await repository.putManifest(index, { tag });
    await put(repository, [note, emptyConfig]);
    await repository.putManifest(referrer);
    for (const suffix of [
      signatureTag(index.descriptor.digest),
      referrersTag(other.manifest.descriptor.digest),
    ]) {
      const attached = testImage([`attached as ${suffix}`]);
      await putImage(repository, attached, suffix);
    }
  });
  t.deepEqual(await store.collectGarbage(), []);
});

test('what no image needs goes, with the entries that led to it', async (t) => {
  const store = await filled(t, async (repository) => {
    await putImage(repository, image, tag);
    await put(repository, [note, emptyConfig]);
    await repository.putManifest(referrer);
    await putImage(repository, testImage(['signature']), signatureTag(image.manifest.descriptor.digest));
  });
  t.deepEqual(await store.findGarbage(), []);
  await store.remove(location, tag);
  const found = await store.findGarbage();
  t.is(found.find(({ digest }) => digest === note.descriptor.digest)?.sizeBytes, note.bytes.byteLength);
  const removed = await store.collectGarbage();
  t.deepEqual(removed.toSorted(), found.map(({ digest }) => digest).toSorted());
  t.is(removed.length, 4 + 3 + 3);
  t.deepEqual(readdirSync(join(store.root, 'blobs', 'sha256')), []);
  const entries = readdirSync(join(store.root, 'refs'), { recursive: true, withFileTypes: true });
  t.deepEqual(
    entries.filter((entry) => entry.isFile()).map(({ name }) => name),
    [],
  );
});

test('what another image needs as well stays', async (t) => {
  const store = await filled(t, async (repository) => {
    await putImage(repository, image, tag);
    await putImage(repository, other, parseTag('2.0'));
  });
  await store.remove(location, tag);
  const removed = await store.collectGarbage();
  const left = everythingOf(other);
  t.deepEqual(
    [...removed].toSorted(),
    everythingOf(image).filter((digest) => !left.includes(digest)),
  );
  const repository = store.repository(location);
  for (const { descriptor } of other.layers) await t.notThrowsAsync(readAll(repository.getBlob(descriptor)));
});

test('an image kept by its digest stays until it is removed', async (t) => {
  const store = await filled(t, async (repository) => {
    await put(repository, [image.config, ...image.layers]);
    await repository.putManifest(image.manifest, { isRoot: true });
  });
  t.deepEqual(await store.collectGarbage(), []);
  await store.remove(location, image.manifest.descriptor.digest);
  t.deepEqual([...(await store.collectGarbage())].toSorted(), everythingOf(image));
});

test('an image that somebody names as needed stays', async (t) => {
  const store = await filled(t, (repository) => putImage(repository));
  t.deepEqual(await store.collectGarbage({ roots: [image.manifest.descriptor.digest] }), []);
  t.deepEqual([...(await store.collectGarbage())].toSorted(), everythingOf(image));
});

test('what this process works with stays until the store is closed', async (t) => {
  const store = await filled(t, (repository) => putImage(repository));
  const repository = store.repository(location);
  await repository.presentBlobs([image.layers[0] as TestContent]);
  await store.protect([image.config.descriptor.digest]);
  const removed = await new ImageStore(store.root).collectGarbage();
  t.false(removed.includes((image.layers[0] as TestContent).descriptor.digest));
  t.false(removed.includes(image.config.descriptor.digest));
  t.true(removed.includes(image.manifest.descriptor.digest));
  await store.close();
  t.is((await store.collectGarbage()).length, 2);
});

test('what is attached to a manifest that somebody works with stays', async (t) => {
  const signature = testImage(['signature']);
  const store = await filled(t, async (repository) => {
    await putImage(repository);
    await putImage(repository, signature, signatureTag(image.manifest.descriptor.digest));
  });
  await store.protect([image.manifest.descriptor.digest]);
  t.deepEqual(await new ImageStore(store.root).collectGarbage(), []);
  await store.close();
  t.deepEqual([...(await store.collectGarbage())].toSorted(), everythingOf(image, signature).toSorted());
});

test('what another process works with stays until it ends, also by kill -9', async (t) => {
  const root = temporaryFolder(t);
  const child = startChild(t, worker, ['hold', root]);
  await child.printed('holding');
  const store = new ImageStore(root);
  t.deepEqual(await store.collectGarbage(), []);
  await child.kill();
  t.deepEqual(await store.collectGarbage(), [contentOf('held by a process').descriptor.digest]);
  t.deepEqual(readdirSync(join(root, 'leases')), []);
});

test('a blob that a killed process had begun is continued by the next one', async (t) => {
  const root = temporaryFolder(t);
  const child = startChild(t, worker, ['interrupt', root]);
  await child.printed('half');
  await child.kill();
  const store = new ImageStore(root);
  t.teardown(() => store.close());
  const { descriptor, bytes } = contentOf(Buffer.alloc(8_000_000, 'x'));
  const offsets: number[] = [];
  await store.repository(location).putBlob({ descriptor }, (offset, options) => {
    offsets.push(offset);
    return opened(bytes)(offset, options);
  });
  t.is(offsets.length, 1);
  t.true((offsets[0] ?? 0) >= 2_000_000);
  t.is((await readAll(store.repository(location).getBlob(descriptor))).byteLength, 8_000_000);
  t.deepEqual(readdirSync(join(root, 'partials')), []);
});

test('a beginning that is wrong is thrown away, and the blob fetched whole', async (t) => {
  const root = temporaryFolder(t);
  const { descriptor, bytes } = contentOf(Buffer.alloc(3_000_000, 'x'));
  mkdirSync(join(root, 'partials'), { recursive: true });
  for (const wrong of [Buffer.alloc(2_000_000, 'y'), Buffer.alloc(4_000_000, 'x'), bytes]) {
    const store = new ImageStore(root);
    writeFileSync(join(root, 'partials', descriptor.digest.replace(':', '-')), wrong);
    await store.repository(location).putBlob({ descriptor }, opened(bytes));
    t.is((await readAll(store.repository(location).getBlob(descriptor))).byteLength, 3_000_000);
    await store.close();
    await store.collectGarbage();
  }
});

test('beginnings that nobody came back for are forgotten after a day', async (t) => {
  const root = temporaryFolder(t);
  mkdirSync(join(root, 'partials'), { recursive: true });
  for (const [name, hours] of [
    ['old', 25],
    ['new', 23],
  ] as const) {
    const path = join(root, 'partials', name);
    writeFileSync(path, 'x');
    const time = new Date(Date.now() - hours * 3_600_000);
    utimesSync(path, time, time);
  }
  await new ImageStore(root).collectGarbage();
  t.deepEqual(readdirSync(join(root, 'partials')), ['new']);
});

test('a process that is killed again and again leaves a store that is right', async (t) => {
  const root = temporaryFolder(t);
  for (let round = 0; round < 4; round += 1) {
    const child = startChild(t, worker, ['fill', root]);
    await child.printed('stored');
    await child.kill();
    const store = new ImageStore(root);
    await store.collectGarbage();
    for (const { location: where, tag: name } of await store.list()) {
      const repository = store.repository(where);
      t.truthy(await repository.getManifest(name as Tag));
    }
    for (const hex of readdirSync(join(root, 'blobs', 'sha256'))) {
      t.is(digestHex(digestOf(readFileSync(join(root, 'blobs', 'sha256', hex)))), hex);
    }
    t.deepEqual(readdirSync(join(root, 'leases')), []);
    t.is((await store.list()).length * 3, readdirSync(join(root, 'blobs', 'sha256')).length);
  }
});

test('processes that store and remove the same images never lose one to a collector', async (t) => {
  const root = temporaryFolder(t);
  const workers = ['1', '2', '3'].map((id) => startChild(t, worker, ['work', root, id, '25']));
  let isWorking = true;
  const working = Promise.all(workers.map(({ ended }) => ended)).finally(() => {
    isWorking = false;
  });
  working.catch(() => undefined);
  let collections = 0;
  while (isWorking) {
    await new ImageStore(root).collectGarbage();
    collections += 1;
  }
  await t.notThrowsAsync(working);
  t.true(collections > 1);
  const store = new ImageStore(root);
  await store.collectGarbage();
  t.deepEqual(await store.list(), []);
  t.deepEqual(readdirSync(join(root, 'blobs', 'sha256')), []);
});

test('a damaged manifest stops the collection before anything is removed', async (t) => {
  const store = await filled(t, async (repository) => {
    await putImage(repository, image, tag);
    await putImage(repository, other);
  });
  const path = join(store.root, 'blobs', 'sha256', digestHex(image.manifest.descriptor.digest));
  writeFileSync(path, 'damaged');
  await t.throwsAsync(store.collectGarbage(), { code: 'CONTENT_CORRUPT' });
  t.is(readdirSync(join(store.root, 'blobs', 'sha256')).length, new Set(everythingOf(image, other)).size);
  await store.remove(location, tag);
  t.is((await store.collectGarbage()).length, new Set(everythingOf(image, other)).size);
});

test('what a killed collector had hidden can be read, and is shown again', async (t) => {
  const store = await filled(t, (repository) => putImage(repository, image, tag));
  const { digest } = image.manifest.descriptor;
  const [path, hidden] = [
    join(store.root, 'blobs', 'sha256', digestHex(digest)),
    join(store.root, 'trash', digest.replace(':', '-')),
  ];
  mkdirSync(join(store.root, 'trash'));
  renameSync(path, hidden);
  t.is((await store.repository(location).getManifest(tag))?.descriptor.digest, digest);
  t.deepEqual(await store.collectGarbage(), []);
  t.true(existsSync(path));
});

test('what becomes needed while the collector works is shown again', async (t) => {
  const { store, hidden, present } = memoryStore('a', 'b', 'c');
  const answers = [['a'], ['a', 'b']];
  const removed = await collectGarbage([store], async () => new Set((answers.shift() ?? []) as Digest[]));
  t.deepEqual(removed, ['c' as Digest]);
  t.deepEqual([...present], ['a', 'b'] as Digest[]);
  t.is(hidden.size, 0);
});

test('nothing is removed when it can not be told what is needed', async (t) => {
  const { store, hidden, present } = memoryStore('a', 'b');
  let asked = 0;
  const needed = async () => {
    asked += 1;
    if (asked === 2) throw new Error('unreadable');
    return new Set<Digest>();
  };
  await t.throwsAsync(collectGarbage([store], needed), { message: 'unreadable' });
  t.deepEqual([...present].toSorted(), ['a', 'b'] as Digest[]);
  t.is(hidden.size, 0);
});

test('what else belongs to images is collected by the diffIDs of their configs', async (t) => {
  const store = await filled(t, (repository) => putImage(repository, image, tag));
  const diffIds = image.layers.map(({ bytes }) => digestOf(bytes));
  const { store: layers, present } = memoryStore(...diffIds, 'unneeded');
  t.deepEqual(await store.collectGarbage({ stores: [layers] }), ['unneeded' as Digest]);
  t.deepEqual([...present], diffIds);
});

function memoryStore(...digests: readonly string[]): {
  readonly store: CollectedStore;
  readonly present: Set<Digest>;
  readonly hidden: Set<Digest>;
} {
  const present = new Set(digests as Digest[]);
  const hidden = new Set<Digest>();
  const move = (from: Set<Digest>, to: Set<Digest>) => async (digest: Digest) => {
    if (from.delete(digest)) to.add(digest);
  };
  return {
    present,
    hidden,
    store: {
      list: async () => [...present],
      listHidden: async () => [...hidden],
      hide: move(present, hidden),
      show: move(hidden, present),
      removeHidden: async (digest) => void hidden.delete(digest),
      sizeBytes: async (digest) => digest.length,
    },
  };
}
