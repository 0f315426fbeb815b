import { dirname } from 'node:path';
import { compress } from '@img/registry/compression/compress';
import { makeFolder } from '@img/registry/storage/make-folder';
import { type AtomicWriteOptions, writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import { type Digest, Digester } from '@img/spec/digest';
import type { LayerCompression } from '@img/spec/media-types';
import { blocksOf } from './blocks.ts';
import { checkCompressor } from './check-compressor.ts';

/** A compressed layer: what a manifest and a config say of it. */
export type LayerBlob = {
  /** Digest of the tar. */
  readonly diffId: Digest;
  readonly tarBytes: number;
  readonly compression: LayerCompression;
  /** Digest of the compressed tar. */
  readonly digest: Digest;
  readonly sizeBytes: number;
};

export type WriteLayerOptions = Pick<AtomicWriteOptions, 'durability'> & {
  readonly signal?: AbortSignal | undefined;
};

/**
 * Compresses a tar into a file, which is there whole or not at all. The same tar always gives the same file.
 *
 * @param path the file; its folder is made when missing
 * @param options `signal` stops it between any two pieces of the tar, however large the layer is
 * @throws BuilderError COMPRESSOR_DIFFERS, and the reason of the signal
 */
export async function writeLayer(
  tar: AsyncIterable<Uint8Array>,
  path: string,
  compression: LayerCompression,
  { durability, signal }: WriteLayerOptions = {},
): Promise<LayerBlob> {
  const plain = { digester: new Digester(), sizeBytes: 0 };
  const packed = { digester: new Digester(), sizeBytes: 0 };
  await checkCompressor(compression);
  await makeFolder(dirname(path), 0o755);
  const pieces = blocksOf(stoppable(tar, signal));
  const content = measured(compress(measured(pieces, plain), { compression }), packed);
  await writeFileAtomic(path, content, durability === undefined ? {} : { durability });
  return {
    diffId: plain.digester.digest(),
    tarBytes: plain.sizeBytes,
    compression,
    digest: packed.digester.digest(),
    sizeBytes: packed.sizeBytes,
  };
}

async function* stoppable(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    signal?.throwIfAborted();
    yield chunk;
  }
}

async function* measured(
  source: AsyncIterable<Uint8Array>,
  measure: { readonly digester: Digester; sizeBytes: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    measure.digester.update(chunk);
    measure.sizeBytes += chunk.byteLength;
    yield chunk;
  }
}
