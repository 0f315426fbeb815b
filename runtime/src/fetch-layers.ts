import { RegistryError } from '@img/registry/registry-error';
import type { ContentOptions, ContentSource, ContentTarget } from '@img/registry/transfer/content';
import { copyBlobs } from '@img/registry/transfer/copy-blobs';
import type { ProgressListener } from '@img/spec/progress';
import type { LayerStore } from './layers/layer-store.ts';
import type { LayerContent } from './layers/put-layer.ts';
import type { PlatformImage } from './read-image.ts';
import { RuntimeError } from './runtime-error.ts';

export type FetchOptions = ContentOptions & { readonly progress?: ProgressListener };

/**
 * Puts into the layer store what it lacks of an image: an image that was built here, or copied from an archive, has its
 * layers compressed in the image store, and a store may have lost some.
 *
 * @param sources in the order in which they are asked
 * @throws RuntimeError IMAGE_UNSUPPORTED, LAYER_MISSING; what the sources and the layer store throw
 */
export async function fetchLayers(
  image: PlatformImage,
  sources: readonly ContentSource[],
  { layers, target }: { readonly layers: LayerStore; readonly target: ContentTarget },
  options: FetchOptions,
): Promise<void> {
  const requests = layersOf(image);
  const present = await Promise.all(requests.map(({ diffId }) => layers.has(diffId)));
  const missing = requests.flatMap((request, index) => {
    return present[index] ? [] : [{ request, bytes: undefined }];
  });
  if (missing.length === 0) return;
  for (const source of sources) {
    try {
      await copyBlobs(source, target, missing, options);
      return;
    } catch (error) {
      if (!(error instanceof RegistryError) || error.code !== 'CONTENT_MISSING') throw error;
    }
  }
  throw new RuntimeError(
    'LAYER_MISSING',
    `${missing.length} layers of image ${image.digest} are not on this host`,
    {
      hint: 'img pull fetches them',
    },
  );
}

/**
 * The layers of an image, as its manifest and its config name them.
 *
 * @throws RuntimeError IMAGE_UNSUPPORTED if the two disagree
 */
export function layersOf({ digest, manifest, config }: PlatformImage): readonly LayerContent[] {
  const { layers } = manifest;
  const { diffIds } = config;
  if (diffIds.length !== layers.length) {
    throw new RuntimeError(
      'IMAGE_UNSUPPORTED',
      `image ${digest} has ${layers.length} layers, but its config knows ${diffIds.length}`,
    );
  }
  return layers.flatMap((descriptor, index) => {
    const diffId = diffIds[index];
    return diffId === undefined ? [] : [{ descriptor, diffId }];
  });
}
