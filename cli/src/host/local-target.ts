import type { ContentTarget, RepositoryLocation } from '@img/registry/transfer/content';
import type { Host } from '@img/runtime/host';
import { presentLayers } from '@img/runtime/layers/host-target';

/**
 * Another repository of this host, for content that the host has already: a layer counts as present in either
 * form, uncompressed where images run and compressed where they are built.
 */
export function localTarget(location: RepositoryLocation, host: Host): ContentTarget {
  const images = host.images.repository(location);
  return {
    name: images.name,
    presentBlobs: async (requests) => {
      const compressed = await images.presentBlobs(requests);
      return new Set([
        ...compressed,
        ...(await presentLayers(requests, (diffId) => host.layers.has(diffId))),
      ]);
    },
    putBlob: (request, open, options) => images.putBlob(request, open, options),
    putManifest: (content, options) => images.putManifest(content, options),
    getManifest: (reference) => images.getManifest(reference),
  };
}
