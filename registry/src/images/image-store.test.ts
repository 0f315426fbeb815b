import { execFileSync } from 'node:child_process';
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { signatureTag } from '@img/sign/signature-manifest';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { type Digest, digestHex, digestOf } from '@img/spec/digest';
import { parseReference } from '@img/spec/reference';
import { parseRegistryHost } from '@img/spec/registry-host';
import type { RepositoryName } from '@img/spec/repository-name';
import { parseTag, type Tag } from '@img/spec/tag';
import test, { type ExecutionContext } from 'ava';
import {
  contentOf,
  opened,
  readAll,
  type TestContent,
  type TestImage,
  testImage,
  testReferrer,
} from '../testing/content.ts';
import type { RepositoryLocation } from '../transfer/content.ts';
import { ImageStore } from './image-store.ts';

const registry = parseRegistryHost('127.0.0.1:5000');
const location: RepositoryLocation = { registry, repository: 'com.example/app' as RepositoryName };
const registries = { default: registry, aliases: new Map() };
const image = testImage(['a layer']);
const tag = parseTag('1.0');

function openStore(t: ExecutionContext, root = temporaryFolder(t)): ImageStore {
  const store = new ImageStore(root);
  t.teardown(() => store.close());
  return store;
}

async function put(
  store: ImageStore,
  { manifest, config, layers }: TestImage,
  options: { readonly tag?: Tag; readonly isRoot?: boolean } = {},
  into: RepositoryLocation = location,
): Promise<void> {
  const repository = store.repository(into);
  for (const blob of [config, ...layers]) await putBlob(store, blob, into);
  await repository.putManifest(manifest, options);
}

async function putBlob(
  store: ImageStore,
  { descriptor, bytes }: TestContent,
  into = location,
): Promise<void> {
  await store.repository(into).putBlob({ descriptor }, opened(bytes));
}

const blobPath = (store: ImageStore, digest: Digest) =>
  join(store.root, 'blobs', 'sha256', digestHex(digest));

test('looking at a store that is not there finds nothing and makes nothing', async (t) => {
  const store = openStore(t, join(temporaryFolder(t), 'absent'));
  t.deepEqual(await store.list(), []);
  t.is(await store.resolve(parseReference('com.example/app:1.0', registries)), undefined);
  t.deepEqual(await store.findByDigest(image.manifest.descriptor.digest), []);
  t.is(await store.repository(location).getManifest(tag), undefined);
  t.deepEqual(await store.remove(location, tag), []);
  t.deepEqual(await store.collectGarbage(), []);
  t.false(existsSync(store.root));
});

test('list() has what was asked for, and no attachments', async (t) => {
  const store = openStore(t);
  const kept = testImage(['kept']);
  await put(store, image, { tag });
  await put(store, image, { tag: parseTag('latest') });
  await put(store, kept, { isRoot: true });
  await put(store, testImage(['part of something']));
  await put(store, testImage(['signature']), { tag: signatureTag(image.manifest.descriptor.digest) });
  const images = await store.list();
  t.deepEqual(
    images.map((listed) => [listed.tag, listed.descriptor.digest]),
    [
      [tag, image.manifest.descriptor.digest],
      ['latest' as Tag, image.manifest.descriptor.digest],
      [undefined, kept.manifest.descriptor.digest],
    ],
  );
  t.deepEqual(images[0]?.location, location);
  t.true(Math.abs(Date.now() - (images[0]?.storedAt.getTime() ?? 0)) < 3_600_000);
});

test('repositories do not get in the way of each other, however they are named', async (t) => {
  const store = openStore(t);
  const outer: RepositoryLocation = { registry, repository: 'a' as RepositoryName };
  const inner: RepositoryLocation = { registry, repository: 'a/tags/b' as RepositoryName };
  const other: RepositoryLocation = {
    registry: parseRegistryHost('localhost:5000'),
    repository: outer.repository,
  };
  for (const [position, into] of [outer, inner, other].entries()) {
    await put(store, testImage([`${position}`]), { tag: parseTag('b') }, into);
  }
  t.is((await store.list()).length, 3);
  t.is(new Set((await store.list()).map(({ descriptor }) => descriptor.digest)).size, 3);
  t.deepEqual(await store.repository(outer).listTags(), ['b' as Tag]);
});

test('what one repository has is not in another', async (t) => {
  const store = openStore(t);
  await put(store, image, { tag });
  const referrer = testReferrer(image.manifest.descriptor, contentOf('note', 'text/x-note'));
  await store.repository(location).putManifest(referrer);
  const other = store.repository({ registry, repository: 'other' as RepositoryName });
  t.is(await other.getManifest(tag), undefined);
  t.is(await other.getManifest(image.manifest.descriptor.digest), undefined);
  t.deepEqual(await other.listReferrers(image.manifest.descriptor.digest), []);
});

test('a name that no file system takes is refused', (t) => {
  const store = openStore(t);
  const repository = 'a'.repeat(255) as RepositoryName;
  t.throws(() => store.repository({ registry, repository }), { code: 'STORE_INVALID' });
});

for (const [text, isFound] of [
  ['127.0.0.1:5000/com.example/app:1.0', true],
  [`127.0.0.1:5000/com.example/app@${image.manifest.descriptor.digest}`, true],
  [`127.0.0.1:5000/com.example/app:2.0@${image.manifest.descriptor.digest}`, true],
  ['127.0.0.1:5000/com.example/app:2.0', false],
  ['127.0.0.1:5000/com.example/other:1.0', false],
  ['localhost:5000/com.example/app:1.0', false],
  [`127.0.0.1:5000/com.example/app@${digestOf(new Uint8Array())}`, false],
] as const) {
  test(`resolve() ${isFound ? 'finds' : 'does not find'} ${text.slice(0, 50)}`, async (t) => {
    const store = openStore(t);
    await put(store, image, { tag });
    const found = await store.resolve(parseReference(text, registries));
    t.is(found?.descriptor.digest, isFound ? image.manifest.descriptor.digest : undefined);
  });
}

test('findByDigest() finds by the beginning of a digest', async (t) => {
  const store = openStore(t);
  await put(store, image, { tag });
  await put(store, image, { tag: parseTag('latest') });
  const { digest } = image.manifest.descriptor;
  for (const beginning of [digest, digest.slice(0, 12), digestHex(digest), digestHex(digest).slice(0, 4)]) {
    t.is((await store.findByDigest(beginning)).length, 2, beginning);
  }
  for (const nothing of [
    '',
    'sha256:',
    digestHex(digest).slice(0, 3),
    'zzzz',
    'sha512:0000',
    '../..',
    'f'.repeat(200),
  ]) {
    t.deepEqual(await store.findByDigest(nothing), [], nothing);
  }
});

test('findByDigest() refuses what could mean several images', async (t) => {
  const store = openStore(t);
  // Enough images for two digests to begin alike: by the 300th it is all but certain.
  const images = Array.from({ length: 700 }, (_, number) => testImage([`${number}`]));
  const seen = new Map<string, TestImage>();
  const pair = images.map((next) => {
    const key = digestHex(next.manifest.descriptor.digest).slice(0, 4);
    const before = seen.get(key);
    seen.set(key, next);
    return before === undefined ? undefined : ([before, next] as const);
  });
  const [first, second] = pair.find((found) => found !== undefined) ?? [];
  if (first === undefined || second === undefined) return t.fail('no two digests begin alike');
  await put(store, first, { tag });
  await put(store, second, { tag: parseTag('2.0') });
  const beginning = digestHex(first.manifest.descriptor.digest).slice(0, 4);
  await t.throwsAsync(store.findByDigest(beginning), { code: 'REFERENCE_AMBIGUOUS' });
});

test('remove() forgets one tag, or by digest all of an image', async (t) => {
  const store = openStore(t);
  for (const name of ['1.0', '1', 'latest']) await put(store, image, { tag: parseTag(name) });
  await put(store, image, { isRoot: true });
  await put(store, testImage(['other']), { tag: parseTag('2.0') });
  t.deepEqual(await store.remove(location, tag), [tag]);
  t.deepEqual(await store.remove(location, tag), []);
  const { digest } = image.manifest.descriptor;
  t.deepEqual(await store.remove(location, digest), ['1' as Tag, 'latest' as Tag, digest]);
  t.deepEqual(
    (await store.list()).map((left) => left.tag),
    ['2.0' as Tag],
  );
});

const referrer = testReferrer(image.manifest.descriptor, contentOf('a signature', 'text/x-signature'));

for (const [what, content, read] of [
  ['manifest', image.manifest, (store: ImageStore) => store.repository(location).getManifest(tag)],
  [
    'manifest asked for by digest',
    image.manifest,
    (store: ImageStore) => store.repository(location).getManifest(image.manifest.descriptor.digest),
  ],
  [
    'config',
    image.config,
    (store: ImageStore) => readAll(store.repository(location).getBlob(image.config.descriptor)),
  ],
  [
    'signature',
    referrer,
    (store: ImageStore) => store.repository(location).getManifest(referrer.descriptor.digest),
  ],
] as const) {
  for (const [how, change] of [
    ['a changed byte', (path: string) => writeFileSync(path, flipped(readFileSync(path)))],
    ['a byte too few', (path: string) => writeFileSync(path, readFileSync(path).subarray(1))],
    [
      'a byte too many',
      (path: string) => writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from(' ')])),
    ],
    ['nothing', (path: string) => writeFileSync(path, '')],
    ['a gigabyte', (path: string) => writeFileSync(path, Buffer.alloc(20_000_000))],
    [
      'a link in its place',
      (path: string) => {
        renameSync(path, `${path}.moved`);
        symlinkSync(`${path}.moved`, path);
      },
    ],
    ['a pipe in its place that nobody writes into', putPipe],
  ] as const) {
    test(`a ${what} with ${how} is an error that names the file, until it is put again`, async (t) => {
      const store = openStore(t);
      await put(store, image, { tag });
      await store.repository(location).putManifest(referrer);
      const path = blobPath(store, content.descriptor.digest);
      change(path);
      const error = await t.throwsAsync(read(store), { code: 'CONTENT_CORRUPT' });
      t.true(error?.message.startsWith(path));
      t.is((await store.repository(location).presentBlobs([content])).size, 0);
      await put(store, image, { tag });
      await store.repository(location).putManifest(referrer);
      await t.notThrowsAsync(read(store));
    });
  }
}

test('a manifest whose file is gone is an error by tag, and not there by digest', async (t) => {
  const store = openStore(t);
  await put(store, image, { tag });
  const path = blobPath(store, image.manifest.descriptor.digest);
  unlinkSync(path);
  const repository = store.repository(location);
  await t.throwsAsync(repository.getManifest(tag), {
    code: 'CONTENT_MISSING',
    message: `${path} is missing`,
  });
  t.is(await repository.getManifest(image.manifest.descriptor.digest), undefined);
});

for (const [why, text] of [
  ['no JSON', 'hello'],
  ['another digest algorithm', '{"mediaType":"a/b","digest":"md5:00","size":1}'],
  ['nothing', ''],
] as const) {
  test(`a tag whose file holds ${why} is an error that names it`, async (t) => {
    const store = openStore(t);
    await put(store, image, { tag });
    const path = join(store.root, 'refs', '127.0.0.1:5000+com.example+app', 'tags', '1.0');
    writeFileSync(path, text);
    const error = await t.throwsAsync(store.repository(location).getManifest(tag), { code: 'STORE_INVALID' });
    t.true(error?.message.startsWith(path));
  });
}

test('a tag with a pipe for a file is an error, and nobody is waited for', async (t) => {
  const store = openStore(t);
  await put(store, image, { tag });
  const path = join(store.root, 'refs', '127.0.0.1:5000+com.example+app', 'tags', '1.0');
  putPipe(path);
  const error = await t.throwsAsync(store.repository(location).getManifest(tag), { code: 'STORE_INVALID' });
  t.true(error?.message.startsWith(path));
});

test('an entry of another digest, or of another type than its manifest, is an error', async (t) => {
  const store = openStore(t);
  await put(store, image, { tag });
  await store.repository(location).putManifest(referrer);
  const folder = join(store.root, 'refs', '127.0.0.1:5000+com.example+app');
  const { digest } = image.manifest.descriptor;
  const entry = join(folder, 'manifests', digest.replace(':', '-'));
  const referrers = join(folder, 'referrers', digest.replace(':', '-'));
  const referrerEntry = join(referrers, referrer.descriptor.digest.replace(':', '-'));
  const repository = store.repository(location);
  const changed = async (path: string, read: () => Promise<unknown>, from: string, to: string) => {
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace(from, to));
    const error = await t.throwsAsync(read, { code: 'STORE_INVALID' });
    writeFileSync(path, text);
    await t.notThrowsAsync(read);
    return error?.message ?? '';
  };
  const byDigest = () => repository.getManifest(digest);
  // Both are there, and whoever asked for one by its digest would get the other.
  t.regex(
    await changed(entry, byDigest, digest, referrer.descriptor.digest),
    /has been changed: it is the entry of sha256:/,
  );
  t.regex(
    await changed(referrerEntry, () => repository.listReferrers(digest), referrer.descriptor.digest, digest),
    /has been changed: it is the entry of sha256:/,
  );
  const [manifest, index] = ['image.manifest.v1', 'image.index.v1'];
  t.regex(
    await changed(entry, byDigest, manifest, index),
    /^the entry of sha256:\w+ in .* has been changed: /,
  );
  const byTag = () => repository.getManifest(tag);
  t.regex(
    await changed(join(folder, 'tags/1.0'), byTag, manifest, index),
    /^the entry of 1\.0 in 127\.0\.0\.1:5000\/com\.example\/app on this host has been changed: /,
  );
});

test('what does not belong into a store is left aside', async (t) => {
  const store = openStore(t);
  await put(store, image, { tag });
  for (const path of [
    'refs/stray',
    'refs/UPPER+case',
    'refs/127.0.0.1:5000+com.example+app/tags/.tmp-x',
    'blobs/stray',
  ]) {
    writeFileSync(join(store.root, path), 'stray');
  }
  writeFileSync(join(store.root, 'blobs', 'sha256', 'stray'), 'stray');
  t.is((await store.list()).length, 1);
  t.deepEqual(await store.collectGarbage(), []);
});

test('close() leaves no lease and nothing unfinished, and the store can be used again', async (t) => {
  const store = openStore(t);
  await put(store, image, { tag });
  t.is(readdirSync(join(store.root, 'leases')).length, 1);
  await store.close();
  t.deepEqual(readdirSync(join(store.root, 'leases')), []);
  await put(store, testImage(['more']), { tag });
  await store.close();
  t.deepEqual(readdirSync(join(store.root, 'leases')), []);
});

function putPipe(path: string): void {
  unlinkSync(path);
  execFileSync('mkfifo', [path]);
}

function flipped(bytes: Buffer): Buffer {
  const middle = bytes.byteLength >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  return bytes;
}
