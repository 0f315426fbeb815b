import type { PackageLayer } from './package-layers.ts';

/** Which packages have a layer of their own and which share one. */
export type LayerPlan = {
  readonly own: readonly PackageLayer[];
  readonly shared: readonly PackageLayer[];
};

const ownLayerBytes = 64 * 1024;

/**
 * Packages whose compressed layer has at least 64 kB have it for themselves, so that it is the same in every
 * image with the package; the others share one, since each layer costs requests and mounts. Where there
 * would be too many, the largest keep theirs. The size is always that of zstd, so that an image has the same
 * layers however it is compressed in the end.
 *
 * @param maxLayers how many layers the packages may have together
 */
export function planLayers(layers: readonly PackageLayer[], maxLayers: number): LayerPlan {
  const large = layers
    .filter(({ sizeBytes }) => sizeBytes >= ownLayerBytes)
    .toSorted((a, b) => b.sizeBytes - a.sizeBytes || (a.package.name < b.package.name ? -1 : 1));
  const needsShared = large.length < layers.length || large.length > maxLayers;
  const own = new Set(large.slice(0, needsShared ? maxLayers - 1 : maxLayers));
  const rest = layers.filter((layer) => !own.has(layer));
  // One alone shares with nobody.
  if (rest.length === 1) return { own: layers, shared: [] };
  return { own: layers.filter((layer) => own.has(layer)), shared: rest };
}
