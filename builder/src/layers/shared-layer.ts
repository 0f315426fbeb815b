import { digestHex, digestOf } from '@img/spec/digest';
import { BuilderError } from '../builder-error.ts';
import { profile } from '../deb/profile.ts';
import type { DebianPackage } from '../debian/package.ts';
import type { CachedLayer, LayerCache } from './layer-cache.ts';
import { mergeTars } from './merge-tars.ts';
import { type PackageLayer, packageId } from './package-layers.ts';
import { readLayer } from './read-layer.ts';

/** Where the cache has the layer that packages share. */
export function sharedKey(packages: readonly DebianPackage[]): string {
  const list = packages.map(packageId).join('\n');
  return `${profile}/shared/${digestHex(digestOf(new TextEncoder().encode(list)))}`;
}

/**
 * The layer that packages share which are too small for one of their own: a function of the packages in their
 * order and of the profile.
 */
export async function sharedLayer(
  layers: readonly PackageLayer[],
  { cache, signal }: { readonly cache: LayerCache; readonly signal?: AbortSignal | undefined },
): Promise<CachedLayer> {
  const key = sharedKey(layers.map((layer) => layer.package));
  const found = await cache.find(key);
  if (found !== undefined) return found;
  if (layers.some(({ isForeign }) => isForeign === true)) {
    throw new BuilderError('LOCK_OUTDATED', 'img.lock has packages in other layers than they should be in', {
      hint: 'build once with --no-cache, which makes all layers anew, and look at what changes in img.lock',
    });
  }
  const tars = layers.map((layer) => readLayer(cache, layer, { signal }));
  return await cache.put(key, mergeTars(tars, cache.folder), { compression: 'zstd', notes: null, signal });
}
