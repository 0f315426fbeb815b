import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { compress } from '@img/registry/compression/compress';
import { ImageStore } from '@img/registry/images/image-store';
import { RegistryError } from '@img/registry/registry-error';
import type { ContentTarget } from '@img/registry/transfer/content';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import type { Descriptor } from '@img/spec/descriptor';
import { type Digest, digestOf } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import test, { type ExecutionContext } from 'ava';
import type { BuildFolderOptions, BuiltFolder } from '../build-folder.ts';
import { BuilderError } from '../builder-error.ts';
import { LayerCache } from '../layers/layer-cache.ts';
import type { LayerBlob } from '../layers/write-layer.ts';
import { codeOf, noise, openRepository, TestSystem } from '../testing/test-system.ts';
import { attachRecords, recallRecords, rememberRecords } from './attach-records.ts';
import type { KeptPlace } from './kept-packages.ts';
import { once } from './once.ts';
import { parseRecords, recordsDescriptor, recordsMediaType } from './package-records.ts';

/** A repository that says what was read from it, and can be worse than it should be. */
class Registry {
  readonly read: string[] = [];
  /** What it has no more. */
  readonly lost = new Set<Digest>();
  /** What it has other bytes of. */
  readonly damaged = new Set<Digest>();
  readonly store: ImageStore;
  readonly repository: ContentTarget & KeptPlace;

  constructor(t: ExecutionContext) {
    this.store = new ImageStore(temporaryFolder(t));
    this.repository = openRepository(this.store, 'com.example.app' as RepositoryName);
    t.teardown(() => this.store.close());
  }

  get place(): KeptPlace {
    const { repository, read, lost, damaged } = this;
    return {
      name: 'the registry',
      getManifest: (reference) => repository.getManifest(reference),
      listReferrers: (subject) => repository.listReferrers(subject),
      async presentBlobs(requests) {
        return (await repository.presentBlobs(requests)).difference(lost);
      },
      async *getBlob(descriptor) {
        read.push(descriptor.mediaType);
        if (lost.has(descriptor.digest)) throw new BuilderError('ARCHIVE_NOT_FOUND', 'it is gone');
        for await (const chunk of repository.getBlob(descriptor)) {
          yield damaged.has(descriptor.digest) ? chunk.toReversed() : chunk;
        }
      },
    };
  }
}

/** A registry with an image, a lock, and what builds it: on a machine that has nothing but the lock. */
async function prepare(t: ExecutionContext) {
  const system = await TestSystem.start(t, 'packages: [tool, small]\nfiles: [{from: late, to: /srv/}]\n', {
    files: { late: 'x' },
  });
  const registry = new Registry(t);
  const target = registry.repository;
  const first = await system.build({ targetFor: () => target });
  const cache = new LayerCache(system.cacheFolder);
  await rememberRecords(cache, first.image);
  const remembered = await recallRecords(cache, first.image.descriptor.digest);
  for (const records of remembered) await attachRecords(records, { cache, target });
  await rm(system.cacheFolder, { recursive: true });
  const before = system.server.requests.length;
  const elsewhere = async (options: Partial<BuildFolderOptions> = {}): Promise<BuiltFolder> => {
    const opened = { place: registry.place, [Symbol.asyncDispose]: async () => undefined };
    return await system.build({ openKept: () => opened, isLocked: true, leavesLayers: true, ...options });
  };
  const lock = first.image.lock?.platforms.get('linux/amd64');
  if (lock?.records === undefined) throw new Error('no records were locked');
  return {
    system,
    registry,
    first,
    elsewhere,
    lock: { ...lock, records: lock.records },
    requests: () => system.server.requests.length - before,
  };
}

const sameDigest = (t: ExecutionContext, one: BuiltFolder, other: BuiltFolder): void => {
  t.is(one.image.descriptor.digest, other.image.descriptor.digest);
};

test('a lock and a registry with the layers are all that an empty machine needs', async (t) => {
  const { system, registry, first, elsewhere, requests } = await prepare(t);
  system.server.files.clear();
  const built = await elsewhere();
  sameDigest(t, built, first);
  t.false(built.isLockChanged);
  t.is(requests(), 0);
  t.deepEqual(registry.read, [recordsMediaType]);
  t.deepEqual(
    built.image.leftLayers.flatMap(({ packages }) => packages),
    ['libc6', 'tool', 'base-files', 'base-passwd', 'small'],
  );
  // The second time not even what is known of them is read.
  sameDigest(t, await elsewhere(), first);
  t.deepEqual(registry.read, [recordsMediaType]);
});

test('layers that the target needs come from the registry, once', async (t) => {
  const { system, registry, first, elsewhere, requests } = await prepare(t);
  system.server.files.clear();
  const built = await elsewhere({ leavesLayers: false });
  sameDigest(t, built, first);
  t.deepEqual(built.image.leftLayers, []);
  t.is(registry.read.filter((mediaType) => mediaType !== recordsMediaType).length, 3);
  const read = registry.read.length;
  sameDigest(t, await elsewhere({ leavesLayers: false }), first);
  t.is(registry.read.length, read);
  t.is(requests(), 0);
});

test('layers that stay in the registry are got where they are read', async (t) => {
  const { system, registry, elsewhere, requests } = await prepare(t);
  const gzip = await system.build({ compression: 'gzip' });
  await rm(system.cacheFolder, { recursive: true });
  const before = requests();
  system.server.files.clear();
  const built = await elsewhere({ compression: 'gzip' });
  sameDigest(t, built, gzip);
  t.deepEqual(built.image.leftLayers, []);
  t.is(registry.read.length, 4);
  t.is(requests(), before);
});

type Prepared = Awaited<ReturnType<typeof prepare>>;

const troubles: readonly (readonly [why: string, trouble: (prepared: Prepared) => void, note: RegExp])[] = [
  [
    'the registry lacks the records',
    ({ registry, lock }) => registry.lost.add(lock.records.digest),
    /layers are made anew, because it is gone/,
  ],
  [
    'the registry has other records',
    ({ registry, lock }) => registry.damaged.add(lock.records.digest),
    /layers are made anew, because .*sha256:/,
  ],
  [
    'a layer of its own is gone',
    ({ registry, lock }) => registry.lost.add(layerOf(lock, 'tool')),
    /the registry lacks layers, which are made anew: tool$/,
  ],
  [
    'a layer that packages share is gone',
    ({ registry, lock }) => registry.lost.add(layerOf(lock, 'small')),
    /the registry lacks layers, which are made anew: base-files, base-passwd, small$/,
  ],
];

const layerOf = ({ layers }: Prepared['lock'], name: string): Digest => {
  const found = layers.find(({ packages }) => packages.includes(name));
  if (found === undefined) throw new Error(`no layer of ${name}`);
  return found.digest;
};

for (const [why, trouble, note] of troubles) {
  test(`an image is made of packages where ${why}`, async (t) => {
    const prepared = await prepare(t);
    const { system, first, elsewhere, requests } = prepared;
    trouble(prepared);
    sameDigest(t, await elsewhere(), first);
    t.true(requests() > 0);
    t.regex(system.notes.join('\n'), note);
  });
}

for (const code of ['CONTENT_MISSING', 'REGISTRY_UNREACHABLE'] as const) {
  test(`an image that was perhaps never pushed is made of packages without a word: ${code}`, async (t) => {
    const { system, registry, first, elsewhere } = await prepare(t);
    const place: KeptPlace = {
      ...registry.place,
      getBlob() {
        throw new RegistryError(code, 'there is nothing');
      },
    };
    const opened = { place, [Symbol.asyncDispose]: async () => undefined };
    sameDigest(t, await elsewhere({ openKept: () => opened }), first);
    t.notRegex(system.notes.join('\n'), /there is nothing/);
  });
}

test('a layer of the registry with other bytes is made anew, and nothing of it is kept', async (t) => {
  const { system, registry, first, elsewhere, lock } = await prepare(t);
  registry.damaged.add(layerOf(lock, 'tool'));
  sameDigest(t, await elsewhere({ leavesLayers: false }), first);
  t.regex(system.notes.join('\n'), /layers are made anew, because .*sha256:/);
});

test('records are the same wherever the layers come from, and old locks get them', async (t) => {
  const { system, elsewhere, first } = await prepare(t);
  const path = join(system.folder, 'img.lock');
  const text = await readFile(path, 'utf8');
  const old = text.replace(/,\s*"records": \{[^}]*\}/, '').replace(/"records": \{[^}]*\},\s*/, '');
  t.notRegex(old, /records/);
  await system.write({ 'img.lock': old });
  // What must hold is not changed.
  sameDigest(t, await elsewhere(), first);
  t.is(await readFile(path, 'utf8'), old);
  const filled = await elsewhere({ isLocked: false });
  sameDigest(t, filled, first);
  t.true(filled.isLockChanged);
  t.is(await readFile(path, 'utf8'), text);
  // From layers that were got, and from records that another build has made.
  await rm(system.cacheFolder, { recursive: true });
  t.false((await elsewhere({ isLocked: false, leavesLayers: false })).isLockChanged);
  t.false((await elsewhere({ isLocked: false, isFresh: true })).isLockChanged);
});

const someDigest = digestOf(new Uint8Array());
const blob = { diffId: someDigest, tarBytes: 1, compression: 'zstd', digest: someDigest, sizeBytes: 1 };
const notes = {
  builtSeconds: 1,
  alternatives: [{ name: 'a', link: '/a', path: '/b', priority: -1, slaves: [] }],
  scripts: [{ path: 'a', interpreter: '/bin/sh' }],
  entries: [['f', 'a']],
  texts: { 'etc/passwd': '' },
};
const recordsOf = (changes: object, noteChanges: object = {}) => ({
  packages: [[someDigest, { ...blob, notes: { ...notes, ...noteChanges }, ...changes }]],
  layers: [blob],
});

const misshapen: readonly (readonly [why: string, records: object])[] = [
  ['a package that is none', { packages: [1], layers: [] }],
  ['a package without a digest', { packages: [['sha256:1', { ...blob, notes }]], layers: [] }],
  ['a layer whose tar has the name of another file', recordsOf({ diffId: 'sha256:../../../out' })],
  ['the same among the layers', { packages: [], layers: [{ ...blob, diffId: 'sha256:../../../out' }] }],
  ['a layer that is compressed in no known way', recordsOf({ compression: 'rar' })],
  ['a layer without a limit', recordsOf({ tarBytes: 'any' })],
  ['no notes', recordsOf({ notes: null })],
  ['a time that no date has', recordsOf({}, { builtSeconds: 1e15 })],
  ['alternatives without links', recordsOf({}, { alternatives: [{ name: 'a' }] })],
  ['scripts that nothing runs', recordsOf({}, { scripts: [{ path: 'a' }] })],
  ['entries that are none', recordsOf({}, { entries: ['f'] })],
  ['an entry with a user that is no number', recordsOf({}, { entries: [['f', 'a', 420, {}]] })],
  ['a text that is none', recordsOf({}, { texts: { 'etc/passwd': 1 } })],
];

const packedJson = async (value: object): Promise<Uint8Array> => {
  const plain = Buffer.from(JSON.stringify(value));
  return Buffer.concat(await Array.fromAsync(compress(once(plain), { compression: 'zstd' })));
};

for (const [why, records] of misshapen) {
  test(`parseRecords() refuses ${why}`, async (t) => {
    await t.notThrowsAsync(async () => parseRecords(await packedJson(recordsOf({}))));
    t.is(await codeOf(packedJson(records).then(parseRecords)), 'LOCK_OUTDATED');
  });
}

const strange: readonly (readonly [why: string, text: string, note: RegExp])[] = [
  ['are of another version', '{"version":9}', /another version of img has made the records/],
  ['are no JSON', 'packages', /another version of img has made the records/],
  ['are of other packages', '{"packages":[],"layers":[]}', /are not those of its packages/],
];

for (const [why, text, note] of strange) {
  test(`records that ${why} are told of, and replaced by --no-cache`, async (t) => {
    const { system, registry, elsewhere, first, lock } = await prepare(t);
    const bytes = Buffer.concat(
      await Array.fromAsync(compress(once(Buffer.from(text)), { compression: 'zstd' })),
    );
    const descriptor = { mediaType: recordsMediaType, digest: digestOf(bytes), size: bytes.byteLength };
    await registry.repository.putBlob({ descriptor }, () => once(bytes));
    const path = join(system.folder, 'img.lock');
    const right = await readFile(path, 'utf8');
    const wrong = right
      .replace(lock.records.digest, descriptor.digest)
      .replace(`"size": ${lock.records.size}`, `"size": ${bytes.byteLength}`);
    await system.write({ 'img.lock': wrong });
    sameDigest(t, await elsewhere(), first);
    t.regex(system.notes.join('\n'), note);
    t.is(await readFile(path, 'utf8'), wrong, 'what must hold is not changed');
    sameDigest(t, await elsewhere({ isLocked: false, isFresh: true }), first);
    t.is(await readFile(path, 'utf8'), right);
  });
}

test('what a lock says of a package counts for no other lock', async (t) => {
  const { system, registry, elsewhere, first, lock } = await prepare(t);
  const { repository } = registry;
  const put = async (plain: Uint8Array, mediaType: string): Promise<Descriptor> => {
    const bytes = Buffer.concat(await Array.fromAsync(compress(once(plain), { compression: 'zstd' })));
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
    await repository.putBlob({ descriptor }, () => once(bytes));
    return descriptor;
  };
  const packed = await Array.fromAsync(repository.getBlob(recordsDescriptor(lock.records)));
  const records = await parseRecords(Buffer.concat(packed));
  const right = layerOf(lock, 'tool');
  const sizeBytes = records.layers.find((blob) => blob.digest === right)?.tarBytes ?? 0;
  const tar = noise('not what the package holds', sizeBytes);
  const layer = await put(tar, 'application/vnd.oci.image.layer.v1.tar+zstd');
  const replaced = <Blob extends LayerBlob>(blob: Blob): Blob => {
    return blob.digest === right ? { ...blob, digest: layer.digest, sizeBytes: layer.size } : blob;
  };
  const text = JSON.stringify({
    packages: [...records.packages].map(([digest, record]) => [digest, replaced(record)]),
    layers: records.layers.map(replaced),
  });
  const { digest, size } = await put(Buffer.from(text), recordsMediaType);
  const file = await readFile(join(system.folder, 'img.lock'), 'utf8');
  const wrong = file
    .replace(right, layer.digest)
    .replace(lock.records.digest, digest)
    .replace(`"size": ${lock.records.size}`, `"size": ${size}`);
  await system.write({ 'img.lock': wrong });
  const built = await elsewhere({ leavesLayers: false });
  t.true(built.image.images[0]?.layers.some((each) => each.digest === layer.digest));
  // Nor is anything else made of it that others find by what it should be.
  t.is(await codeOf(elsewhere({ leavesLayers: false, compression: 'gzip' })), 'LOCK_OUTDATED');
  await rm(join(system.folder, 'img.lock'));
  sameDigest(t, await system.build(), first);
  await t.notThrowsAsync(system.build({ compression: 'gzip' }));
});

test('records that are attached to an image lead to it, and to nothing that is not known', async (t) => {
  const { registry, first } = await prepare(t);
  const [referrer] = await registry.repository.listReferrers(first.image.descriptor.digest);
  t.is(referrer?.artifactType, 'application/vnd.img.packages.records.v1');
  const cache = new LayerCache(temporaryFolder(t));
  t.deepEqual(await recallRecords(cache, first.image.descriptor.digest), []);
  const unknown: Descriptor = first.image.descriptor;
  // Its records are not here, so there is nothing to attach.
  await attachRecords({ subject: unknown, records: unknown }, { cache, target: registry.repository });
  t.is((await registry.repository.listReferrers(first.image.descriptor.digest)).length, 1);
});
