import { attachmentSubject } from '@img/registry/transfer/attachment-tag';
import type {
  ContentSource,
  ManifestContent,
  PutManifestOptions,
  RepositoryLocation,
} from '@img/registry/transfer/content';
import { type CopyResult, copy } from '@img/registry/transfer/copy';
import type { Digest } from '@img/spec/digest';
import type { Tag } from '@img/spec/tag';
import { type FetchOptions, layersOf } from './fetch-layers.ts';
import type { Host } from './host.ts';
import { detailedHostPlatform } from './launch/host-platform.ts';
import { hostTarget } from './layers/host-target.ts';
import { type PlatformImage, readImage } from './read-image.ts';
import { removeDamagedTree } from './remove-damaged-tree.ts';
import { RuntimeError } from './runtime-error.ts';
import { prepareTree } from './tree/prepare-tree.ts';

export type PullRequest = {
  /** The repository on this host. */
  readonly location: RepositoryLocation;
  /** The repository in its registry. */
  readonly source: ContentSource;
  readonly reference: Tag | Digest;
  /** What points at the image at the end; it is kept by its digest if there are none. */
  readonly tags: readonly Tag[];
};

/**
 * Copies an image for this host's platform, and what is attached to it, to this host. Whether it is trusted is not
 * asked. A reference points at it only when its tree is made and checked, so an image that can't be run here is
 * refused and not kept. What was changed on this host of an image is repaired.
 *
 * @throws RuntimeError IMAGE_UNSUPPORTED, LAYER_*, ARCHIVE_*, ENTRY_*, TREE_*, STORE_FULL; RegistryError; SpecError
 */
export async function pullImage(
  { location, source, reference, tags }: PullRequest,
  host: Host,
  options: FetchOptions = {},
): Promise<CopyResult> {
  const platform = detailedHostPlatform();
  const local = host.images.repository(location);
  const target = hostTarget(local, host.layers, options.progress);
  const putManifest = async (content: ManifestContent, put: PutManifestOptions = {}): Promise<void> => {
    // Everything below the image is there by now.
    if (isReference(put)) await makeTree(content);
    await target.putManifest(content, put);
  };
  const makeTree = async (content: ManifestContent): Promise<void> => {
    const image = await readImage(content, local, platform, options);
    layersOf(image);
    await makeOrRepair(host, image, content.descriptor.digest, options);
  };
  try {
    return await copy({ ...options, source, target: { ...target, putManifest }, reference, tags, platform });
  } catch (error) {
    if (error instanceof RuntimeError) await discard(host);
    throw error;
  }
}

/** Whether the manifest is the image that was asked for, not a part of it or an attachment. */
function isReference({ tag, isRoot = false }: PutManifestOptions): boolean {
  return tag === undefined ? isRoot : attachmentSubject(tag) === undefined;
}

async function makeOrRepair(
  host: Host,
  image: PlatformImage,
  reference: Digest,
  { signal }: FetchOptions,
): Promise<void> {
  const request = host.treeRequest(image, signal);
  try {
    await prepareTree(request);
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.code !== 'TREE_DAMAGED') throw error;
    // Its layers are sound, and it is only made of them.
    await removeDamagedTree(host, image, reference);
    await prepareTree(request);
  }
}

/** Removes what came of an image that was refused, and that nothing else needs. */
async function discard(host: Host): Promise<void> {
  try {
    await host.images.close();
    await host.collectGarbage();
  } catch {
    // Why it was refused is the news; what is left is removed with the next image.
  }
}
