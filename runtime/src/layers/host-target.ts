import { RegistryError } from '@img/registry/registry-error';
import type { BlobRequest, ContentTarget, ManifestContent } from '@img/registry/transfer/content';
import { type Digest, isDigest } from '@img/spec/digest';
import { layerCompression } from '@img/spec/media-types';
import type { ProgressListener } from '@img/spec/progress';
import type { Tag } from '@img/spec/tag';
import { RuntimeError } from '../runtime-error.ts';
import type { LayerStore } from './layer-store.ts';
import type { LayerContent } from './put-layer.ts';

/** What is not as it was stored; storing it again repairs it. */
const damageCodes: readonly string[] = ['CONTENT_CORRUPT', 'CONTENT_MISSING', 'STORE_INVALID'];

/**
 * Where a pull to this host goes: layers of images into the layer store, uncompressed and by diffID; manifests,
 * configs, signatures and all other blobs into the image store. What was changed on this host counts as absent, so
 * that a pull repairs it.
 *
 * @param images the repository of the host's image store
 * @param progress is told in a note of every layer that was changed
 */
export function hostTarget(
  images: ContentTarget,
  layers: LayerStore,
  progress: ProgressListener = () => undefined,
): ContentTarget {
  // What these mean can't be read, so nobody can say what is replaced.
  const damagedTags = new Set<Tag>();
  const isPresent = async (diffId: Digest, signal: AbortSignal | undefined): Promise<boolean> => {
    if (!(await layers.has(diffId))) return false;
    try {
      await layers.check(diffId, signal === undefined ? {} : { signal });
      return true;
    } catch (error) {
      // Another process may have removed it since.
      if (error instanceof RuntimeError && error.code === 'LAYER_MISSING') return false;
      if (!(error instanceof RuntimeError) || error.code !== 'LAYER_DAMAGED') throw error;
      progress({ kind: 'note', text: `layer ${diffId} was changed on this host, and is replaced` });
      return false;
    }
  };
  return {
    name: images.name,
    async presentBlobs(requests, options = {}) {
      // Of layers, too: the answer doesn't count, but from then on the image store's lease protects them. Only
      // then may somebody look for them.
      const known = await images.presentBlobs(requests, options);
      const others = requests
        .filter((request) => layerOf(request) === undefined)
        .map(({ descriptor }) => descriptor.digest);
      return new Set([
        ...(await presentLayers(requests, (diffId) => isPresent(diffId, options.signal))),
        ...others.filter((digest) => known.has(digest)),
      ]);
    },
    async putBlob(request, open, options = {}) {
      const layer = layerOf(request);
      if (layer === undefined) await images.putBlob(request, open, options);
      else await layers.put(layer, open(0, options), options);
    },
    async putManifest(content, { replaces, ...options } = {}) {
      const { tag } = options;
      const isCareful = replaces !== undefined && (tag === undefined || !damagedTags.has(tag));
      await images.putManifest(content, isCareful ? { ...options, replaces } : options);
    },
    async getManifest(reference, options): Promise<ManifestContent | undefined> {
      try {
        const content = await images.getManifest(reference, options);
        if (content === undefined) return undefined;
        // Protects what is found, so that it may be left as it is; not so what a collector has hidden before.
        const { descriptor } = content;
        if ((await images.presentBlobs([{ descriptor }], options)).has(descriptor.digest)) return content;
      } catch (error) {
        if (!(error instanceof RegistryError) || !damageCodes.includes(error.code)) throw error;
      }
      if (!isDigest(reference)) damagedTags.add(reference);
      return undefined;
    },
  };
}

/** The digests of the requests whose layers are there uncompressed. */
export async function presentLayers(
  requests: readonly BlobRequest[],
  isPresent: (diffId: Digest) => Promise<boolean>,
): Promise<readonly Digest[]> {
  const asked = requests.map(async (request) => {
    const layer = layerOf(request);
    return layer !== undefined && (await isPresent(layer.diffId)) ? [request.descriptor.digest] : [];
  });
  return (await Promise.all(asked)).flat();
}

function layerOf({ descriptor, diffId }: BlobRequest): LayerContent | undefined {
  if (diffId === undefined || layerCompression(descriptor.mediaType) === undefined) return undefined;
  return { descriptor, diffId };
}
