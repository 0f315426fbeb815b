import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { testClaim } from '@img/sign/testing/test-claim';
import { testKey } from '@img/sign/testing/test-keys';
import { type Digest, digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import { parseReference } from '@img/spec/reference';
import { parseTag } from '@img/spec/tag';
import test, { type ExecutionContext } from 'ava';
import { image } from './config/testing.ts';
import { Host } from './host.ts';
import { hostPlatform } from './launch/host-platform.ts';
import { pullImage } from './pull-image.ts';
import { flip } from './testing/change-file.ts';
import { MemoryRepository } from './testing/memory-repository.ts';
import { testRegistry } from './testing/run-image-here.ts';
import { type TarBytes, tarArchive } from './testing/tar-bytes.ts';
import { putTestImage, putTestIndex, signTestImage } from './testing/test-image.ts';
import { listTrees } from './tree/tree-files.ts';

const tag = parseTag('1.0');
const location = parseReference('com.example.app', { default: testRegistry, aliases: new Map() });
const config = image({ platform: hostPlatform(), config: { cmd: ['/app'] } });
const app: TarBytes = { path: 'app', content: 'x'.repeat(5000) };

/** A registry, and a host that has nothing. */
function setUp(t: ExecutionContext) {
  const root = temporaryFolder(t);
  const source = new MemoryRepository('registry.example/com.example.app');
  const notes: string[] = [];
  const put = (...layers: readonly (readonly TarBytes[])[]) =>
    putTestImage(source, config, { tag, layers: layers.map((members) => tarArchive(...members)) });
  const withHost = async <T>(action: (host: Host) => Promise<T>): Promise<T> => {
    await using host = new Host({ store: join(root, 'store'), run: join(root, 'run'), trust: [] });
    return await action(host);
  };
  const pull = () =>
    withHost((host) =>
      pullImage({ location, source, reference: tag, tags: [tag] }, host, {
        progress: (event) => event.kind === 'note' && notes.push(event.text),
      }),
    );
  return { store: join(root, 'store'), source, notes, put, pull, withHost };
}

/** What a store has: every file of it and its digest. */
function contentOf(store: string): readonly (readonly [path: string, digest: Digest])[] {
  return (readdirSync(store, { recursive: true }) as string[])
    .filter((path) => statSync(join(store, path)).isFile())
    .toSorted()
    .map((path) => [path, digestOf(readFileSync(join(store, path)))]);
}

test('pullImage() leaves an image whose tree is made, so that a start has nothing left to do', async (t) => {
  const { put, pull, withHost, notes } = setUp(t);
  const content = await put([app]);
  t.deepEqual(await pull(), { descriptor: content.descriptor, copiedBlobs: 2, presentBlobs: 0 });
  await withHost(async ({ layers, images }) => {
    t.deepEqual(await listTrees(layers), [content.descriptor.digest]);
    t.is((await images.list()).length, 1);
  });
  t.deepEqual(await pull(), { descriptor: content.descriptor, copiedBlobs: 0, presentBlobs: 2 });
  t.deepEqual(notes, []);
});

test('pullImage() makes the tree of the image of this platform of an index', async (t) => {
  const { source, put, pull, withHost } = setUp(t);
  const mine = await put([app]);
  const other = await putTestImage(source, image({ platform: { os: 'linux', architecture: 's390x' } }));
  const platforms = [
    [{ os: 'linux', architecture: 's390x' }, other],
    [hostPlatform(), mine],
  ] as const;
  const index = await putTestIndex(source, platforms, tag);
  t.is((await pull()).descriptor.digest, index.descriptor.digest);
  await withHost(async ({ layers }) => t.deepEqual(await listTrees(layers), [mine.descriptor.digest]));
});

const refused: readonly [
  reason: string,
  code: string,
  arrange: (host: ReturnType<typeof setUp>) => Promise<unknown>,
][] = [
  [
    'whose layers make no tree',
    'ENTRY_THROUGH_LINK',
    ({ put }) => put([{ path: 'a', type: '2', link: '/etc' }], [{ path: 'a/passwd', content: 'x' }]),
  ],
  ['with a layer that was cut short', 'ARCHIVE_TRUNCATED', ({ put }) => put([app], [{ size: 2 ** 32 }])],
  [
    'whose config names other layers than its manifest',
    'IMAGE_UNSUPPORTED',
    ({ source }) => putMismatched(source),
  ],
  ['that is an artifact, not an image', 'IMAGE_UNSUPPORTED', ({ source }) => putArtifact(source)],
];

for (const [reason, code, arrange] of refused) {
  test(`pullImage() refuses an image ${reason}, and keeps nothing of it`, async (t) => {
    const host = setUp(t);
    await arrange(host);
    await t.throwsAsync(host.pull(), { code });
    t.deepEqual(contentOf(host.store), []);
  });
}

async function putMismatched(source: MemoryRepository): Promise<void> {
  const { bytes } = await putTestImage(source, config, { layers: [tarArchive(app)] });
  const manifest = JSON.parse(Buffer.from(bytes).toString()) as { layers: object[] };
  manifest.layers.push(manifest.layers[0] ?? {});
  await putManifest(source, Buffer.from(JSON.stringify(manifest)));
}

async function putArtifact(source: MemoryRepository): Promise<void> {
  const { bytes } = await putTestImage(source, config);
  const { config: descriptor } = JSON.parse(Buffer.from(bytes).toString()) as { config: object };
  const artifact = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, layers: [] };
  const wrong = { ...artifact, config: { ...descriptor, mediaType: 'application/vnd.example' } };
  await putManifest(source, Buffer.from(JSON.stringify(wrong)));
}

async function putManifest(source: MemoryRepository, bytes: Uint8Array): Promise<void> {
  const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length };
  await source.putManifest({ descriptor, bytes }, { tag });
}

const damages: readonly [what: string, files: RegExp, damage: (path: string) => void][] = [
  ['a byte of a layer', /^layers\/.*\.tar$/, (path) => flip(path, 700)],
  ['a layer that was cut short', /^layers\/.*\.tar$/, (path) => truncateSync(path, 1024)],
  ['an index of a layer', /^layers\/.*\.index$/, (path) => flip(path, 20)],
  ['a layer that is gone', /^layers\/.*\.tar$/, (path) => rmSync(path)],
  ['the tree', /^trees\//, (path) => flip(path, 1100)],
  ['a tree that is none', /^trees\//, (path) => writeFileSync(path, '')],
  ['manifests, configs and signatures', /^blobs\//, (path) => flip(path, 10)],
  ['manifests, configs and signatures that are gone', /^blobs\//, (path) => rmSync(path)],
  ['what names point at', /^refs\/.*\/(?:manifests|referrers|tags)\//, (path) => writeFileSync(path, '{}')],
];

for (const [what, files, damage] of damages) {
  test(`pullImage() repairs what was changed on this host: ${what}`, async (t) => {
    const { source, store, notes, put, pull, withHost } = setUp(t);
    await signTestImage(source, testKey(1), testClaim, await put([app], [{ path: 'other' }]));
    await pull();
    const before = contentOf(store);
    const wanted = before.filter(([path]) => files.test(path));
    t.not(wanted.length, 0);
    for (const [path] of wanted) damage(join(store, path));
    await pull();
    t.deepEqual(contentOf(store), before);
    const changed = notes.filter((note) => /^layer sha256:.* was changed on this host/.test(note)).length;
    t.is(changed, files.source.includes('layers') && !what.endsWith('gone') ? wanted.length : 0);
    await withHost(async ({ layers }) => {
      for (const diffId of await layers.list()) await t.notThrowsAsync(layers.check(diffId));
    });
  });
}
