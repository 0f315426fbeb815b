import {
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { needsRoot } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { testClaim } from '@img/sign/testing/test-claim';
import { testKey } from '@img/sign/testing/test-keys';
import { type Digest, digestOf } from '@img/spec/digest';
import { parseReference } from '@img/spec/reference';
import { parseTag } from '@img/spec/tag';
import test, { type ExecutionContext } from 'ava';
import { image } from './config/testing.ts';
import { examineImage } from './examine-image.ts';
import { Host } from './host.ts';
import { hostPlatform } from './launch/host-platform.ts';
import { fileIdentity } from './layers/file-identity.ts';
import { digestFileName } from './layers/layer-place.ts';
import { pullImage } from './pull-image.ts';
import { repairImage } from './repair-image.ts';
import { identifyProcess } from './state/process-identity.ts';
import { flip } from './testing/change-file.ts';
import { MemoryRepository } from './testing/memory-repository.ts';
import { testRegistry } from './testing/run-image-here.ts';
import { type TarBytes, tarArchive } from './testing/tar-bytes.ts';
import { putTestImage, putTestIndex, signTestImage } from './testing/test-image.ts';
import type { TreeMethod } from './tree/tree.ts';

const tag = parseTag('1.0');
const reference = parseReference('com.example.app:1.0', { default: testRegistry, aliases: new Map() });
const config = image({ platform: hostPlatform(), config: { cmd: ['/app'] } });
const app: TarBytes = { path: 'app', content: 'x'.repeat(5000), mtime: 1 };

/** A registry with a signed image of two layers, and a host that has pulled it. */
async function setUp(t: ExecutionContext, treeMethod: TreeMethod = 'erofs') {
  const root = temporaryFolder(t);
  const store = join(root, 'store');
  const source = new MemoryRepository('registry.example/com.example.app');
  const layers = [tarArchive(app), tarArchive({ path: 'other' })];
  const content = await putTestImage(source, config, { tag, layers });
  await signTestImage(source, testKey(1), testClaim, content);
  const host = new Host({ store, run: join(root, 'run'), trust: [] }, { treeMethod });
  t.teardown(() => host.close());
  await pullImage({ location: reference, source, reference: tag, tags: [tag] }, host);
  const { digest } = content.descriptor;
  return { host, source, store, digest, layers: layers.map((bytes) => digestOf(bytes)) };
}

/** Every file below a folder, with its digest. */
function contentOf(folder: string): { readonly [path: string]: Digest } {
  const paths = (readdirSync(folder, { recursive: true }) as string[]).toSorted();
  const files = paths.filter((path) => lstatSync(join(folder, path)).isFile());
  return Object.fromEntries(files.map((path) => [path, digestOf(readFileSync(join(folder, path)))]));
}

const damages: readonly [
  what: string,
  files: RegExp,
  damage: (path: string) => void,
  kinds: readonly string[],
  method?: TreeMethod,
][] = [
  ['a byte of a layer', /^layers\/.*\.tar$/, (path) => flip(path, 700), ['layer']],
  ['a layer that was cut short', /^layers\/.*\.tar$/, (path) => truncateSync(path, 1024), ['layer']],
  ['an index of a layer', /^layers\/.*\.index$/, (path) => flip(path, 20), ['layer']],
  ['a layer that is gone', /^layers\/.*\.(?:tar|index)$/, (path) => rmSync(path), ['layer']],
  ['a tree', /^trees\//, (path) => flip(path, 1100), ['image']],
  ['a tree that was made a link', /^trees\//, (path) => replace(path), ['image']],
  ['a file of a checkout', /^checkouts\/.*app$/, (path) => flip(path, 3), ['checkout'], 'checkout'],
  ['a checkout without a file', /^checkouts\/.*app$/, (path) => rmSync(path), ['checkout'], 'checkout'],
  ['manifests, configs and signatures', /^blobs\//, (path) => flip(path, 10), ['content']],
  ['blobs that are gone', /^blobs\//, (path) => rmSync(path), ['content']],
  [
    'what names point at',
    /^refs\/.*\/(?:manifests|referrers|tags)\//,
    (path) => writeFileSync(path, '{}'),
    ['content'],
  ],
  ['layers and the tree', /^(?:layers|trees)\//, (path) => flip(path, 600), ['layer']],
];

function replace(path: string): void {
  rmSync(path);
  symlinkSync('/dev/null', path);
}

for (const [what, files, damage, kinds, method = 'erofs'] of damages) {
  test(`repairImage() finds and repairs ${what}, and nothing else`, async (t) => {
    if (method === 'checkout' && !needsRoot(t)) return;
    const { host, source, store } = await setUp(t, method);
    const before = contentOf(store);
    t.deepEqual((await examineImage(reference, host)).faults, []);
    const wanted = Object.keys(before).filter((path) => files.test(path));
    t.not(wanted.length, 0);
    for (const path of wanted) damage(join(store, path));
    const examined = await examineImage(reference, host);
    t.deepEqual([...new Set(examined.faults.map(({ kind }) => kind))], kinds);
    const { found, left, obstacle } = await repairImage(reference, source, host);
    t.deepEqual([found, left, obstacle], [examined.faults, [], undefined]);
    t.deepEqual(contentOf(store), before);
    t.deepEqual((await repairImage(reference, source, host)).found, []);
  });
}

test('examineImage() names every damaged layer, and says how much it read', async (t) => {
  const { host, store, layers } = await setUp(t);
  t.like(await examineImage(reference, host), { blobs: 8, layers: 2, trees: 1, faults: [] });
  for (const diffId of layers) flip(join(store, 'layers', `${digestFileName(diffId)}.tar`), 3);
  const { faults } = await examineImage(reference, host);
  t.deepEqual(faults.map(({ digest }) => digest).toSorted(), layers.toSorted());
  for (const { digest = '', message } of faults) t.true(message.includes(digest));
});

test('examineImage() believes no stamp, and what it found the next start finds, too', async (t) => {
  const { host, store, layers } = await setUp(t);
  const diffId = layers[0] as Digest;
  const path = join(store, 'layers', digestFileName(diffId));
  flip(`${path}.tar`, 700);
  // As if the disk had changed it, which no time of a file shows.
  const [archive, index] = ['tar', 'index'].map((name) =>
    fileIdentity(lstatSync(`${path}.${name}`, { bigint: true })),
  );
  host.layers.stamps.set(`layer-${digestFileName(diffId)}`, { archive, index });
  await t.notThrowsAsync(host.layers.check(diffId));
  t.like(await examineImage(reference, host), { faults: [{ kind: 'layer', digest: diffId }] });
  await t.throwsAsync(host.layers.check(diffId), { code: 'LAYER_DAMAGED' });
});

test('repairImage() takes a layer from a compressed copy on this host, and asks no registry', async (t) => {
  const { host, source, store, layers } = await setUp(t);
  const local = host.images.repository(reference);
  // Layers of tests are not compressed: the blob is the archive.
  const path = join(store, 'layers', `${digestFileName(layers[0] as Digest)}.tar`);
  const bytes = readFileSync(path);
  const descriptor = {
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
    digest: layers[0] as Digest,
    size: bytes.length,
  };
  await local.putBlob({ descriptor }, async function* (offset) {
    yield bytes.subarray(offset);
  });
  flip(path, 700);
  source.requests.length = 0;
  const { found, left } = await repairImage(reference, source, host);
  t.deepEqual([found.length, left, source.requests], [1, [], []]);
});

test('repairImage() says why it can not repair what the registry has no more', async (t) => {
  const { host, source, store } = await setUp(t);
  const before = contentOf(store);
  for (const path of Object.keys(before)) {
    if (/^layers\/.*tar$/.test(path)) flip(join(store, path), 700);
  }
  source.manifests.clear();
  const { found, left, obstacle } = await repairImage(reference, source, host);
  t.is(found.length, 2);
  t.deepEqual(left, found);
  t.not(obstacle, undefined);
});

test('repairImage() leaves the damaged folder that an app has as its root, and says so', async (t) => {
  if (!needsRoot(t)) return;
  const { host, source, store, digest } = await setUp(t, 'checkout');
  const path = join(store, 'checkouts', digestFileName(digest), 'app');
  const supervisor = identifyProcess(process.pid);
  if (supervisor === undefined) throw new Error('this test runs');
  const id = host.state.newId();
  const receipt = { reference: 'com.example.app:1.0', digest, signers: [], insecure: [] };
  const started = new Date().toISOString();
  host.state.add({ id, profile: 'app', ...receipt, runtime: 'runc', stopSignal: 15, supervisor, started });
  t.teardown(() => host.state.remove(id));
  flip(path, 3);
  const { left, obstacle } = await repairImage(reference, source, host);
  t.like(left, [{ kind: 'checkout' }]);
  t.is(obstacle?.code, 'CONTAINER_RUNNING');
  t.true(lstatSync(path).isFile());
  host.state.remove(id);
  t.deepEqual((await repairImage(reference, source, host)).left, []);
});

test('examineImage() reads what is no image for this host, too', async (t) => {
  const { host } = await setUp(t);
  const local = host.images.repository(reference);
  const other = image({ platform: { os: 'linux', architecture: 's390x' } });
  const content = await putTestImage(local, other, { tag: parseTag('other') });
  await putTestIndex(local, [[{ os: 'linux', architecture: 's390x' }, content]], parseTag('index'));
  for (const [name, blobs] of [
    ['other', 2],
    ['index', 3],
  ] as const) {
    const found = await examineImage({ ...reference, tag: parseTag(name) }, host);
    t.like(found, { blobs, faults: [] }, name);
  }
});

test('examineImage() of an image that is not on this host says so', async (t) => {
  const { host } = await setUp(t);
  const other = { ...reference, tag: parseTag('2.0') };
  await t.throwsAsync(examineImage(other, host), {
    code: 'IMAGE_MISSING',
    message: /com\.example\.app:2\.0 is not on this host$/,
  });
});
