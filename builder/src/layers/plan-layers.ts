import type { PackageLayer } from './package-layers.ts';

/** Which packages have a layer of their own and which share one. */
export type LayerPlan = {
  readonly own: readonly PackageLayer[];
  readonly shared: readonly PackageLayer[];
};

const ownLayerBytes = 64 * 1024;

/**
 * Packages whose compressed layer has at least 64 kB have it for themselves, so that it is the same in every
 * image with the package; the others share one, since each layer costs requests and mounts. A small package that
 * is built from the same source as a large one has a layer of its own, too: a fix changes both, and would change
 * what the small one shares in every image. Where there would be too many, the largest keep theirs. The size is
 * always that of zstd, so that an image has the same layers however it is compressed in the end.
 *
 * @param maxLayers how many layers the packages may have together
 */
export function planLayers(layers: readonly PackageLayer[], maxLayers: number): LayerPlan {
  const largest = new Map<string, number>();
  for (const {
    package: { source },
    sizeBytes,
  } of layers) {
    largest.set(source.name, Math.max(sizeBytes, largest.get(source.name) ?? 0));
  }
  const weight = (layer: PackageLayer) => largest.get(layer.package.source.name) ?? 0;
  const heavy = layers
    .filter((layer) => weight(layer) >= ownLayerBytes)
    .toSorted((a, b) => {
      return weight(b) - weight(a) || b.sizeBytes - a.sizeBytes || (a.package.name < b.package.name ? -1 : 1);
    });
  const needsShared = heavy.length < layers.length || heavy.length > maxLayers;
  const own = new Set(heavy.slice(0, needsShared ? maxLayers - 1 : maxLayers));
  const rest = layers.filter((layer) => !own.has(layer));
  // One alone shares with nobody.
  if (rest.length === 1) return { own: layers, shared: [] };
  return { own: layers.filter((layer) => own.has(layer)), shared: rest };
}
