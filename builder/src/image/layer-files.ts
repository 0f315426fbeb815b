import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { temporaryPrefix } from '@img/registry/storage/write-file-atomic';
import { digestHex } from '@img/spec/digest';
import type { LayerCompression } from '@img/spec/media-types';
import { SpecError } from '@img/spec/spec-error';
import { verified } from '@img/spec/verified';
import { BuilderError } from '../builder-error.ts';
import type { LayerCache, LayerFile } from '../layers/layer-cache.ts';
import type { PackageLayer } from '../layers/package-layers.ts';
import { planLayers } from '../layers/plan-layers.ts';
import { readLayer } from '../layers/read-layer.ts';
import { sharedLayer } from '../layers/shared-layer.ts';
import { writeLayer } from '../layers/write-layer.ts';
import { encodeTar } from '../tar/encode-tar.ts';
import type { OwnLayer } from './own-layers.ts';

/** A layer of an image as a file on this machine. */
export type ImageLayer = LayerFile & {
  /** What is in it, for people. */
  readonly what: string;
  /** Names of the packages that it holds. */
  readonly packages: readonly string[];
};

export type LayerFilesOptions = { readonly cache: LayerCache; readonly signal?: AbortSignal | undefined };

/** The most layers that the packages of an image get together, so that with those above them it has 100. */
const maxPackageLayers = 97;

/** The layers of the packages, lowest first, compressed with zstd: in this form they are locked. */
export async function packageLayerFiles(
  layers: readonly PackageLayer[],
  options: LayerFilesOptions,
): Promise<readonly ImageLayer[]> {
  const { own, shared } = planLayers(layers, maxPackageLayers);
  const files: ImageLayer[] = own.map((layer) => describe(layer, [layer]));
  if (shared.length > 0) files.push(describe(await sharedLayer(shared, options), shared));
  return files;
}

/** The same layer compressed in another way; also kept in the cache. */
export async function recompressed(
  layer: ImageLayer,
  compression: LayerCompression,
  { cache, signal }: LayerFilesOptions,
): Promise<ImageLayer> {
  if (layer.compression === compression) return layer;
  const key = `${compression}/${digestHex(layer.diffId)}`;
  const found =
    (await cache.find(key)) ??
    (await cache.put(key, tarOf(layer, { cache, signal }), { compression, notes: null, signal }));
  return { ...found, what: layer.what, packages: layer.packages };
}

/** The tar of a layer; what the key names must be what is kept under it, whoever says what the layer holds. */
async function* tarOf(
  layer: ImageLayer,
  { cache, signal }: LayerFilesOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { diffId: digest, tarBytes: size, packages } = layer;
  try {
    yield* verified(readLayer(cache, layer, { signal }), { digest, size });
  } catch (cause) {
    if (!(cause instanceof SpecError)) throw cause;
    const names = packages.join(', ');
    throw new BuilderError('LOCK_OUTDATED', `the layer of ${names} has other content than img.lock says`, {
      cause,
      hint: 'build once with --no-cache, which makes all layers anew, and look at what changes in img.lock',
    });
  }
}

/** Writes a layer that belongs to one image to a file of its own, which the caller removes. */
export async function ownLayerFile(
  { items, what }: OwnLayer,
  compression: LayerCompression,
  { cache, signal }: LayerFilesOptions,
): Promise<ImageLayer> {
  const path = join(cache.folder, 'own', `${temporaryPrefix}${randomBytes(8).toString('hex')}`);
  const layer = await writeLayer(encodeTar(items), path, compression, {
    durability: 'nothing',
    signal,
  });
  return { ...layer, path, what, packages: [] };
}

function describe(file: LayerFile, layers: readonly PackageLayer[]): ImageLayer {
  const named = layers.map((layer) => `${layer.package.name} ${layer.package.version}`);
  return {
    ...file,
    what: `Debian ${named.length === 1 ? 'package' : 'packages'} ${named.join(', ')}`,
    packages: layers.map((layer) => layer.package.name),
  };
}
