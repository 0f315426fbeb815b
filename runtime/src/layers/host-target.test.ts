import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ImageStore } from '@img/registry/images/image-store';
import type { BlobRequest, ContentTarget, ManifestContent } from '@img/registry/transfer/content';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { type Digest, digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import { parseReference } from '@img/spec/reference';
import { parseRegistryHost } from '@img/spec/registry-host';
import { parseTag } from '@img/spec/tag';
import test from 'ava';
import { tarArchive } from '../testing/tar-bytes.ts';
import { hostTarget } from './host-target.ts';
import { LayerStore } from './layer-store.ts';

const archive = tarArchive({ path: 'file', content: 'x' });
const blob = gzipSync(archive);
const layer: BlobRequest = {
  descriptor: { mediaType: mediaTypes.ociLayerGzip, digest: digestOf(blob), size: blob.length },
  diffId: digestOf(archive),
};
const location = parseReference('registry.example/app', {
  default: parseRegistryHost('registry.example'),
  aliases: new Map(),
});
const configBytes = Buffer.from('{}');
const config: BlobRequest = {
  descriptor: { mediaType: mediaTypes.ociConfig, digest: digestOf(configBytes), size: configBytes.length },
};

const manifestBytes = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: config.descriptor,
    layers: [],
  }),
);
const manifest: ManifestContent = {
  descriptor: {
    mediaType: mediaTypes.ociManifest,
    digest: digestOf(manifestBytes),
    size: manifestBytes.length,
  },
  bytes: manifestBytes,
};

const opened = (bytes: Uint8Array) =>
  async function* (): AsyncGenerator<Uint8Array> {
    yield bytes;
  };

/** A target that remembers what it was asked. */
function recordingTarget(): ContentTarget & { readonly calls: string[] } {
  const calls: string[] = [];
  return {
    name: 'images',
    calls,
    presentBlobs: (requests) => {
      calls.push(`present ${requests.map(({ descriptor }) => descriptor.mediaType).join()}`);
      return Promise.resolve(new Set<Digest>([config.descriptor.digest]));
    },
    putBlob: ({ descriptor }) => {
      calls.push(`blob ${descriptor.mediaType}`);
      return Promise.resolve();
    },
    putManifest: (_, options) => {
      calls.push(`manifest ${options?.tag}`);
      return Promise.resolve();
    },
    getManifest: (reference) => {
      calls.push(`get ${reference}`);
      return Promise.resolve(undefined);
    },
  };
}

test('hostTarget() puts layers into the layer store and everything else into the image store', async (t) => {
  const root = temporaryFolder(t);
  const layers = new LayerStore({ root, run: join(root, 'run') });
  const images = recordingTarget();
  const target = hostTarget(images, layers);
  t.is(target.name, 'images');
  t.deepEqual([...(await target.presentBlobs([layer, config]))], [config.descriptor.digest]);
  await target.putBlob(layer, opened(blob));
  await target.putBlob(config, opened(configBytes));
  t.deepEqual(await layers.list(), [layer.diffId as Digest]);
  t.deepEqual([...(await target.presentBlobs([layer]))], [layer.descriptor.digest]);
  const manifest: ManifestContent = { descriptor: config.descriptor, bytes: configBytes };
  await target.putManifest(manifest, { tag: parseTag('latest') });
  t.is(await target.getManifest(parseTag('latest')), undefined);
  t.deepEqual(images.calls, [
    `present ${mediaTypes.ociLayerGzip},${mediaTypes.ociConfig}`,
    `blob ${mediaTypes.ociConfig}`,
    `present ${mediaTypes.ociLayerGzip}`,
    'manifest latest',
    'get latest',
  ]);
});

test('hostTarget() keeps a layer from a collector as soon as somebody has asked for it', async (t) => {
  const root = temporaryFolder(t);
  const layers = new LayerStore({ root, run: join(root, 'run') });
  const collect = async () => new ImageStore(root).collectGarbage({ stores: [layers] });
  const diffId = layer.diffId as Digest;
  {
    await using images = new ImageStore(root);
    const target = hostTarget(images.repository(location), layers);
    t.deepEqual([...(await target.presentBlobs([layer]))], []);
    await target.putBlob(layer, opened(blob));
    t.deepEqual(await collect(), [], 'while the pull goes on');
    t.deepEqual(await layers.list(), [diffId]);
  }
  t.deepEqual(await collect(), [diffId], 'when it has ended without an image');
});

test('hostTarget() keeps a manifest from a collector as soon as somebody has found it', async (t) => {
  const root = temporaryFolder(t);
  const layers = new LayerStore({ root, run: join(root, 'run') });
  {
    await using images = new ImageStore(root);
    await images.repository(location).putManifest(manifest);
  }
  await using images = new ImageStore(root);
  const target = hostTarget(images.repository(location), layers);
  t.is((await target.getManifest(manifest.descriptor.digest))?.descriptor.digest, manifest.descriptor.digest);
  t.deepEqual(await new ImageStore(root).collectGarbage(), []);
});

test('hostTarget() takes a manifest that a collector is about to remove for absent', async (t) => {
  const root = temporaryFolder(t);
  const layers = new LayerStore({ root, run: join(root, 'run') });
  await using images = new ImageStore(root);
  const repository = images.repository(location);
  const tag = parseTag('1.0');
  await repository.putManifest(manifest, { tag });
  mkdirSync(join(root, 'trash'));
  const name = manifest.descriptor.digest.replace(':', '-');
  renameSync(join(root, 'blobs', manifest.descriptor.digest.replace(':', '/')), join(root, 'trash', name));
  const target = hostTarget(repository, layers);
  t.is(await target.getManifest(tag), undefined);
  await target.putManifest(manifest, { tag, replaces: null });
  rmSync(join(root, 'trash'), { recursive: true });
  t.is((await target.getManifest(tag))?.descriptor.digest, manifest.descriptor.digest);
});

test('hostTarget() fetches a layer that the image store has in compressed form alone', async (t) => {
  const root = temporaryFolder(t);
  const layers = new LayerStore({ root, run: join(root, 'run') });
  await using images = new ImageStore(root);
  const repository = images.repository(location);
  await repository.putBlob(layer, opened(blob));
  t.deepEqual([...(await hostTarget(repository, layers).presentBlobs([layer]))], []);
});

test('hostTarget() leaves to the image store what is no layer of files, and layers of no image', async (t) => {
  const root = temporaryFolder(t);
  const layers = new LayerStore({ root, run: join(root, 'run') });
  const images = recordingTarget();
  const target = hostTarget(images, layers);
  const { diffId: _, ...withoutDiffId } = layer;
  await target.putBlob(withoutDiffId, opened(blob));
  await target.putBlob(
    { ...layer, descriptor: { ...layer.descriptor, mediaType: 'application/wasm' } },
    opened(blob),
  );
  t.deepEqual(images.calls, [`blob ${mediaTypes.ociLayerGzip}`, 'blob application/wasm']);
  t.deepEqual(await layers.list(), []);
});

test('hostTarget() refuses a layer that is not what the config says, and keeps nothing', async (t) => {
  const root = temporaryFolder(t);
  const layers = new LayerStore({ root, run: join(root, 'run') });
  const target = hostTarget(recordingTarget(), layers);
  const request = { ...layer, diffId: digestOf(Buffer.from('other')) };
  await t.throwsAsync(target.putBlob(request, opened(blob)), { code: 'LAYER_MISMATCH' });
  t.deepEqual(readdirSync(join(root, 'layers')), []);
});
