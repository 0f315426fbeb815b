import { createReadStream } from 'node:fs';
import type { BlobRequest, ContentOptions, ContentTarget, OpenBlob } from '@img/registry/transfer/content';
import type { ProgressListener } from '@img/spec/progress';
import { SpecError } from '@img/spec/spec-error';
import { verified } from '@img/spec/verified';
import type { LayerCache } from '../layers/layer-cache.ts';
import { corrupt } from '../layers/read-layer.ts';
import { mapParallel } from '../map-parallel.ts';
import { type Described, mediaTypeOf } from './encode-image.ts';
import type { ImageLayer } from './layer-files.ts';

export type StoreLayersOptions = {
  readonly cache: LayerCache;
  readonly target: ContentTarget;
  readonly onProgress?: ProgressListener | undefined;
  readonly signal?: AbortSignal | undefined;
};

const concurrency = 4;

/**
 * Puts what the target doesn't have yet of an image's blobs into it, but for layers that stay where they are.
 *
 * @throws BuilderError CACHE_CORRUPT if a cached layer was changed; what the target throws
 */
export async function storeLayers(
  layers: readonly ImageLayer[],
  config: Described,
  { cache, target, onProgress, signal }: StoreLayersOptions,
): Promise<void> {
  const options: ContentOptions = signal === undefined ? {} : { signal };
  const requests = layers.map((layer) => ({ layer, request: requestOf(layer) }));
  const all = [{ descriptor: config.descriptor }, ...requests.map(({ request }) => request)];
  const present = await target.presentBlobs(all, options);
  await mapParallel(requests, concurrency, async ({ layer, request }) => {
    signal?.throwIfAborted();
    const what = `store ${layer.what}`;
    if (layer.bring !== undefined) {
      onProgress?.({ kind: 'skip', item: layer.digest, what, reason: 'stays in the registry' });
      return;
    }
    if (present.has(layer.digest)) {
      onProgress?.({ kind: 'skip', item: layer.digest, what, reason: 'is there already' });
      return;
    }
    onProgress?.({ kind: 'start', item: layer.digest, what, totalBytes: layer.sizeBytes });
    await putLayer(layer, request, { cache, target, onProgress, signal });
    onProgress?.({ kind: 'done', item: layer.digest });
  });
  if (!present.has(config.descriptor.digest)) {
    await target.putBlob({ descriptor: config.descriptor }, openBytes(config.bytes), options);
  }
}

function requestOf({ digest, sizeBytes, diffId, compression }: ImageLayer): BlobRequest {
  return { descriptor: { mediaType: mediaTypeOf(compression), digest, size: sizeBytes }, diffId };
}

async function putLayer(
  layer: ImageLayer,
  request: BlobRequest,
  { cache, target, onProgress, signal }: StoreLayersOptions,
): Promise<void> {
  const open: OpenBlob = async function* (offset, options) {
    const file = createReadStream(layer.path, { start: offset, highWaterMark: 1024 * 1024, ...options });
    for await (const chunk of file as AsyncIterable<Uint8Array>) {
      onProgress?.({ kind: 'advance', item: layer.digest, bytes: chunk.byteLength });
      yield chunk;
    }
  };
  try {
    await target.putBlob(request, open, signal === undefined ? {} : { signal });
  } catch (error) {
    // The target has refused the bytes; whether they are to blame shows when they are read again.
    if (signal?.aborted !== true && (await isChanged(layer))) throw await corrupt(cache, layer, error);
    throw error;
  }
}

async function isChanged({ path, digest, sizeBytes }: ImageLayer): Promise<boolean> {
  try {
    for await (const chunk of verified(createReadStream(path), { digest, size: sizeBytes })) void chunk;
    return false;
  } catch (error) {
    return error instanceof SpecError;
  }
}

function openBytes(bytes: Uint8Array): OpenBlob {
  return async function* (offset) {
    yield bytes.subarray(offset);
  };
}
