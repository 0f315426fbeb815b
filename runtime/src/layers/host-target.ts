import type { BlobRequest, ContentTarget } from '@img/registry/transfer/content';
import type { Digest } from '@img/spec/digest';
import { layerCompression } from '@img/spec/media-types';
import type { LayerStore } from './layer-store.ts';
import type { LayerContent } from './put-layer.ts';

/**
 * Where a pull to this host goes: layers of images into the layer store, uncompressed and by diffID; manifests,
 * configs, signatures and all other blobs into the image store.
 *
 * @param images the repository of the host's image store
 */
export function hostTarget(images: ContentTarget, layers: LayerStore): ContentTarget {
  return {
    name: images.name,
    async presentBlobs(requests, options) {
      // Of layers, too: the answer doesn't count, but from then on the image store's lease protects them. Only
      // then may somebody look for them.
      const known = await images.presentBlobs(requests, options);
      const others = requests
        .filter((request) => layerOf(request) === undefined)
        .map(({ descriptor }) => descriptor.digest);
      return new Set([
        ...(await presentLayers(requests, layers)),
        ...others.filter((digest) => known.has(digest)),
      ]);
    },
    async putBlob(request, open, options = {}) {
      const layer = layerOf(request);
      if (layer === undefined) await images.putBlob(request, open, options);
      else await layers.put(layer, open(0, options), options);
    },
    putManifest: (content, options) => images.putManifest(content, options),
    getManifest: (reference, options) => images.getManifest(reference, options),
  };
}

/** The digests of the requests whose layers the store has uncompressed. */
export async function presentLayers(
  requests: readonly BlobRequest[],
  layers: Pick<LayerStore, 'has'>,
): Promise<readonly Digest[]> {
  const asked = requests.map(async (request) => {
    const layer = layerOf(request);
    return layer !== undefined && (await layers.has(layer.diffId)) ? [request.descriptor.digest] : [];
  });
  return (await Promise.all(asked)).flat();
}

function layerOf({ descriptor, diffId }: BlobRequest): LayerContent | undefined {
  if (diffId === undefined || layerCompression(descriptor.mediaType) === undefined) return undefined;
  return { descriptor, diffId };
}
