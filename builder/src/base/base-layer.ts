import { createReadStream } from 'node:fs';
import { decompress } from '@img/registry/compression/decompress';
import { RegistryError } from '@img/registry/registry-error';
import type { ContentSource } from '@img/registry/transfer/content';
import type { Descriptor } from '@img/spec/descriptor';
import { type Digest, digestHex } from '@img/spec/digest';
import { isNondistributable, layerCompression } from '@img/spec/media-types';
import type { ProgressListener } from '@img/spec/progress';
import { quote } from '@img/spec/quote';
import { SpecError } from '@img/spec/spec-error';
import { verified } from '@img/spec/verified';
import { BuilderError } from '../builder-error.ts';
import type { CachedLayer, LayerCache } from '../layers/layer-cache.ts';
import { type BaseNotes, readBaseTar } from './base-notes.ts';

export type BaseLayerOptions = {
  readonly source: Pick<ContentSource, 'getBlob'>;
  readonly cache: LayerCache;
  /** Digest of the layer's tar, as the image's config says. */
  readonly diffId: Digest;
  readonly onProgress?: ProgressListener | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** A layer of another image, byte for byte. */
export type BaseLayer = CachedLayer<BaseNotes>;

const maxTarBytes = 64 * 1024 ** 3;

/**
 * A layer of another image: from the cache, or fetched and looked through.
 *
 * @throws BuilderError BASE_INVALID, BASE_UNSUPPORTED; what the source throws
 */
export async function baseLayer(descriptor: Descriptor, options: BaseLayerOptions): Promise<BaseLayer> {
  const { cache, diffId } = options;
  const { mediaType, digest } = descriptor;
  const compression = layerCompression(mediaType);
  if (compression === undefined || isNondistributable(mediaType)) {
    throw new BuilderError(
      'BASE_UNSUPPORTED',
      `layer ${digest} of the base is of type ${quote(mediaType)}, which can't be handed on`,
    );
  }
  const key = `base/${digestHex(diffId)}/${digestHex(digest)}`;
  const found = await cache.find<BaseNotes>(key);
  if (found !== undefined) return found;
  const what = `layer ${digest} of the base`;
  return await cache.keep(key, fetched(descriptor, options), async (path) => {
    const file = createReadStream(path, { highWaterMark: 1024 * 1024, signal: options.signal });
    const tar = decompress(file, { compression, maxBytes: maxTarBytes });
    const { notes, tarBytes, diffId: actual } = await explained(readBaseTar(tar, what), what);
    if (actual !== diffId) {
      throw new BuilderError('BASE_INVALID', `${what} unpacks to ${actual}, its config says ${diffId}`);
    }
    return { diffId, tarBytes, compression, digest, sizeBytes: descriptor.size, notes };
  });
}

async function* fetched(
  descriptor: Descriptor,
  { source, onProgress, signal }: BaseLayerOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { digest, size } = descriptor;
  onProgress?.({
    kind: 'start',
    item: digest,
    what: `fetch base layer ${digest.slice(7, 19)}`,
    totalBytes: size,
  });
  const options = signal === undefined ? {} : { signal };
  for await (const chunk of verified(source.getBlob(descriptor, options), descriptor)) {
    onProgress?.({ kind: 'advance', item: digest, bytes: chunk.byteLength });
    yield chunk;
  }
  onProgress?.({ kind: 'done', item: digest });
}

async function explained<T>(reading: Promise<T>, what: string): Promise<T> {
  try {
    return await reading;
  } catch (cause) {
    if (!(cause instanceof RegistryError) && !(cause instanceof SpecError)) throw cause;
    throw new BuilderError('BASE_INVALID', `${what} can't be read: ${cause.message}`, { cause });
  }
}
