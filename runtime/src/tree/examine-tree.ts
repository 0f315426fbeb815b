import { lstatSync } from 'node:fs';
import { readErofs } from '../erofs/read-erofs.ts';
import type { CheckedLayer } from '../layers/check-layer.ts';
import { RuntimeError } from '../runtime-error.ts';
import { checkCheckout } from './check-checkout.ts';
import { damagedTree, makeImage, readImage } from './metadata-image.ts';
import type { TreeRequest } from './prepare-tree.ts';
import { treeFiles } from './tree-files.ts';

/** What a tree on this host was found to be. */
export type TreeExamination = {
  /** How many of it there are: its metadata image, its checkout, both or none. */
  readonly trees: number;
  readonly faults: readonly { readonly kind: 'image' | 'checkout'; readonly error: RuntimeError }[];
};

/**
 * Compares all that there is of an image's tree with one that is made anew of its layers: every byte of the metadata
 * image; every name, attribute and byte of a checkout. What stamps say of them is forgotten.
 *
 * @param layers just checked
 * @throws RuntimeError ENTRY_*, TREE_LIMIT for layers that make no tree
 */
export async function examineTree(
  { store, manifest, signal }: Pick<TreeRequest, 'store' | 'manifest' | 'signal'>,
  layers: readonly CheckedLayer[],
): Promise<TreeExamination> {
  const files = treeFiles(store.folders.root, manifest);
  const hasImage = isThere(files.imagePath);
  const hasCheckout = isThere(files.checkoutPath);
  const faults: TreeExamination['faults'][number][] = [];
  const made = hasImage || hasCheckout ? makeImage(store, layers) : new Uint8Array();
  if (hasImage) {
    store.stamps.remove(files.imageStamp);
    const error = faultOf(() => {
      const found = readImage(files.imagePath);
      if (found !== undefined && Buffer.compare(made, found.bytes) !== 0)
        throw damagedTree(files.imagePath, "it is not what the image's layers make");
    });
    if (error !== undefined) faults.push({ kind: 'image', error });
  }
  if (hasCheckout) {
    const parts = { root: readErofs(made), layers };
    const options = { isDeep: true, ...(signal === undefined ? {} : { signal }) };
    await checkCheckout(files, parts, store.stamps, options).catch((error: unknown) => {
      faults.push({ kind: 'checkout', error: damageIn(error) });
    });
  }
  return { trees: Number(hasImage) + Number(hasCheckout), faults };
}

// Also a link that leads nowhere.
function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function faultOf(action: () => void): RuntimeError | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return damageIn(error);
  }
}

/** @throws whatever is no damage of a tree */
function damageIn(error: unknown): RuntimeError {
  if (error instanceof RuntimeError && error.code === 'TREE_DAMAGED') return error;
  throw error;
}
