import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { type Digest, digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import type { ExecutionContext } from 'ava';
import { digestFileName } from '../layers/layer-place.ts';
import { LayerStore } from '../layers/layer-store.ts';
import type { LayerContent } from '../layers/put-layer.ts';
import { tarArchive } from './tar-bytes.ts';

/** An archive of a folder and two files. */
export const archive = tarArchive(
  { path: './', type: '5' },
  { path: './file', content: 'x'.repeat(5000) },
  { path: './other', content: 'y'.repeat(700) },
);

/** An empty store in a folder that the test's end removes. */
export function makeStore(t: ExecutionContext): {
  store: LayerStore;
  root: string;
  run: string;
  layers: string;
} {
  const folder = temporaryFolder(t);
  const [root, run] = [join(folder, 'root'), join(folder, 'run')];
  return { store: new LayerStore({ root, run }), root, run, layers: join(root, 'layers') };
}

/** How a registry would describe a layer. */
export function contentOf(blob: Uint8Array, plain: Uint8Array, mediaType: string): LayerContent {
  return { descriptor: { mediaType, digest: digestOf(blob), size: blob.length }, diffId: digestOf(plain) };
}

export async function* chunksOf(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Puts an archive into a store, compressed as registries have it. */
export async function putArchive(store: LayerStore, plain: Uint8Array = archive): Promise<Digest> {
  const blob = gzipSync(plain);
  const content = contentOf(blob, plain, mediaTypes.ociLayerGzip);
  await store.put(content, chunksOf(blob));
  return content.diffId;
}

/** Where the store keeps a layer. */
export const layerPath = (layers: string, diffId: Digest, kind: 'tar' | 'index') =>
  join(layers, `${digestFileName(diffId)}.${kind}`);
