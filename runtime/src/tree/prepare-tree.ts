import { type Digest, digestOf } from '@img/spec/digest';
import { readErofs } from '../erofs/read-erofs.ts';
import type { CheckedLayer } from '../layers/check-layer.ts';
import type { LayerStore } from '../layers/layer-store.ts';
import { checkCheckout } from './check-checkout.ts';
import { ImageTree, mountMethod, type TreeParts } from './image-tree.ts';
import { makeCheckout } from './make-checkout.ts';
import { damagedTree, makeImage, missingTree, readImage, writeImage } from './metadata-image.ts';
import type { TreeMethod } from './tree.ts';
import { type TreeFiles, treeFiles } from './tree-files.ts';

export type TreeRequest = {
  readonly store: LayerStore;
  /** The manifest whose tree it is; only names the files. */
  readonly manifest: Digest;
  /** The image's layers, lowest first, from its checked config; all in the store. */
  readonly layers: readonly Digest[];
  /** How the tree is shown; the best that the host can do unless given. */
  readonly method?: TreeMethod;
  readonly signal?: AbortSignal;
};

/**
 * Makes what is missing of an image's tree, and checks all of it as `checkTree` does. After a pull this leaves
 * nothing to do for the first start.
 *
 * @throws RuntimeError as `checkTree`, and ENTRY_THROUGH_LINK, ENTRY_LINK_INVALID, TREE_LIMIT for layers that
 *   make no tree
 */
export function prepareTree(request: TreeRequest): Promise<ImageTree> {
  return openTree(request, true);
}

/**
 * Checks that an image's tree is what its layers' diffIDs say, and makes nothing. What did not change since it was
 * checked in this boot is not hashed again, but for the metadata image, whose digest is always checked.
 *
 * - Each layer: its stamp, else the digest of the archive and its index made anew.
 * - The metadata image: its digest, and without a stamp of it the image made anew from the layers' indexes.
 * - A checkout: its stamp, else every attribute and byte against the metadata image and the archives.
 *
 * @throws RuntimeError TREE_MISSING, TREE_DAMAGED, LAYER_MISSING, LAYER_DAMAGED
 */
export function checkTree(request: TreeRequest): Promise<ImageTree> {
  return openTree(request, false);
}

async function openTree(request: TreeRequest, isMaking: boolean): Promise<ImageTree> {
  const { store, manifest, method, signal } = request;
  const files = treeFiles(store.folders.root, manifest);
  const layers = await checkLayers(request);
  const parts = await openImage(store, files, layers, isMaking);
  const mounting = method === undefined ? mountMethod(parts) : method === 'checkout' ? undefined : method;
  if (mounting !== undefined) return ImageTree.mounted(parts, mounting);
  if (isMaking) await makeCheckout(files, parts, signal);
  await checkCheckout(files, parts, store.stamps, signal === undefined ? {} : { signal });
  return ImageTree.checkout(parts, files.checkoutPath);
}

// All at once: each waits for its files, and only one at a time can hash.
async function checkLayers({ store, layers, signal }: TreeRequest): Promise<readonly CheckedLayer[]> {
  const options = signal === undefined ? {} : { signal };
  const results = await Promise.allSettled(layers.map((diffId) => store.check(diffId, options)));
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

async function openImage(
  store: LayerStore,
  files: TreeFiles,
  layers: readonly CheckedLayer[],
  isMaking: boolean,
): Promise<TreeParts> {
  let found = readImage(files.imagePath);
  let made: Uint8Array | undefined;
  if (found === undefined) {
    if (!isMaking) throw missingTree(files.imagePath);
    made = makeImage(store, layers);
    // Where another process was faster, its image is looked at as if it had been there before.
    found = (await writeImage(files, made)) ?? readImage(files.imagePath);
    if (found === undefined) throw missingTree(files.imagePath);
  }
  const stamp = { layers: layers.map(({ diffId }) => diffId), image: digestOf(found.bytes) };
  if (!store.stamps.has(files.imageStamp, stamp)) {
    made ??= makeImage(store, layers);
    if (Buffer.compare(made, found.bytes) !== 0) {
      throw damagedTree(files.imagePath, "it is not what the image's layers make");
    }
    store.stamps.set(files.imageStamp, stamp);
  }
  return { image: found.file, root: readErofs(found.bytes), layers };
}
