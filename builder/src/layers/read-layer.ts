import { createReadStream } from 'node:fs';
import { decompress } from '@img/registry/compression/decompress';
import { SpecError } from '@img/spec/spec-error';
import { verified } from '@img/spec/verified';
import { BuilderError } from '../builder-error.ts';
import type { LayerCache, LayerFile } from './layer-cache.ts';

export type ReadLayerOptions = { readonly signal?: AbortSignal | undefined };

/**
 * The tar of a cached layer, checked while it passes.
 *
 * @throws BuilderError CACHE_CORRUPT if the file was changed; it is removed then, so that the next build makes
 *   it again
 */
export async function* readLayer(
  cache: LayerCache,
  layer: LayerFile,
  { signal }: ReadLayerOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { compression, digest, sizeBytes, tarBytes } = layer;
  await layer.bring?.();
  const file = createReadStream(layer.path, { highWaterMark: 1024 * 1024, signal });
  try {
    yield* decompress(verified(file, { digest, size: sizeBytes }), { compression, maxBytes: tarBytes });
  } catch (error) {
    throw error instanceof SpecError ? await corrupt(cache, layer, error) : error;
  } finally {
    file.destroy();
  }
}

/** Removes a layer that was changed and says so. */
export async function corrupt(cache: LayerCache, layer: LayerFile, cause: unknown): Promise<BuilderError> {
  await cache.remove(layer);
  return new BuilderError('CACHE_CORRUPT', `the cached layer ${layer.path} was changed after it was made`, {
    cause,
    hint: 'it has been removed; build again to make it anew',
  });
}
