import { digestOf } from '@img/spec/digest';
import { encodeManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import type { Platform } from '@img/spec/platform';
import { parseTag } from '@img/spec/tag';
import test from 'ava';
import { image } from './config/testing.ts';
import { nameDamage } from './name-damage.ts';
import { readImage } from './read-image.ts';
import { MemoryRepository } from './testing/memory-repository.ts';
import { putTestImage, putTestIndex } from './testing/test-image.ts';

const amd64: Platform = { os: 'linux', architecture: 'amd64' };
const arm64: Platform = { os: 'linux', architecture: 'arm64' };
const tag = parseTag('1.0');

const setUp = async () => {
  const repository = new MemoryRepository('com.example.app');
  const content = await putTestImage(repository, image({ config: { cmd: ['x'] } }), {
    layers: [Buffer.from('layer')],
  });
  const other = await putTestImage(repository, image({ platform: arm64, config: { cmd: ['y'] } }));
  return { repository, content, other };
};

test('readImage() gives the config of an image', async (t) => {
  const { repository, content } = await setUp();
  const { digest, config } = await readImage(content, repository, amd64);
  t.is(digest, content.descriptor.digest);
  t.deepEqual(config.config.cmd, ['x']);
  t.deepEqual(config.diffIds, [digestOf(Buffer.from('layer'))]);
});

test('readImage() finds the platform in indexes inside of indexes', async (t) => {
  const { repository, content, other } = await setUp();
  const inner = await putTestIndex(
    repository,
    [
      [amd64, content],
      [arm64, other],
    ],
    tag,
  );
  const outer = await putTestIndex(repository, [[arm64, inner]], tag);
  t.is((await readImage(inner, repository, amd64)).digest, content.descriptor.digest);
  t.is((await readImage(outer, repository, arm64)).digest, other.descriptor.digest);
  await t.throwsAsync(readImage(outer, repository, amd64), { code: 'PLATFORM_UNKNOWN' });
});

test('readImage() says if the image of the platform was not fetched', async (t) => {
  const { repository, content, other } = await setUp();
  const index = await putTestIndex(
    repository,
    [
      [amd64, content],
      [arm64, other],
    ],
    tag,
  );
  repository.manifests.delete(other.descriptor.digest);
  await t.throwsAsync(readImage(index, repository, arm64), {
    code: 'IMAGE_MISSING',
    message: /lacks the image/,
  });
});

test('readImage() refuses indexes without end', async (t) => {
  const { repository, content } = await setUp();
  let index = content;
  for (let depth = 0; depth < 6; depth += 1) index = await putTestIndex(repository, [[amd64, index]], tag);
  await t.throwsAsync(readImage(index, repository, amd64), { code: 'IMAGE_UNSUPPORTED', message: /nested/ });
});

test('readImage() refuses an artifact that is no image', async (t) => {
  const { repository } = await setUp();
  const bytes = encodeManifest({
    kind: 'manifest',
    mediaType: mediaTypes.ociManifest,
    artifactType: 'application/spdx+json',
    config: { mediaType: mediaTypes.ociEmpty, digest: digestOf(Buffer.from('{}')), size: 2 },
    layers: [],
    subject: undefined,
    annotations: {},
  });
  const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.byteLength };
  await t.throwsAsync(readImage({ descriptor, bytes }, repository, amd64), {
    code: 'IMAGE_UNSUPPORTED',
    message: /"application\/spdx\+json"/,
  });
});

for (const [change, code, reason] of [
  [(bytes: Uint8Array) => bytes.with(0, (bytes[0] ?? 0) ^ 1), 'CONTENT_MISMATCH', 'one bit changed'],
  [(bytes: Uint8Array) => bytes.slice(1), 'CONTENT_SIZE', 'one byte less'],
  [(bytes: Uint8Array) => Uint8Array.from([...bytes, 32]), 'CONTENT_SIZE', 'one byte more'],
] as const) {
  test(`readImage() refuses a config with ${reason}, and nameDamage() says where`, async (t) => {
    const { repository, content } = await setUp();
    for (const [digest, bytes] of repository.blobs) repository.blobs.set(digest, change(bytes));
    await t.throwsAsync(readImage(content, repository, amd64), { code });
    const named = nameDamage('com.example.app:1.0', () => readImage(content, repository, amd64));
    await t.throwsAsync(named, { code: 'IMAGE_DAMAGED', message: /^com\.example\.app:1\.0 was changed/ });
  });
}

test('nameDamage() passes other errors on', async (t) => {
  const error = new Error('other');
  t.is(await t.throwsAsync(nameDamage('x', () => Promise.reject(error))), error);
});
