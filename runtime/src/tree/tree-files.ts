import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, isDigest } from '@img/spec/digest';
import { digestFileName } from '../layers/layer-place.ts';
import type { LayerStore } from '../layers/layer-store.ts';
import { sweepTemporaries } from '../layers/temporary.ts';

/** Where the tree of one image is, or will be. */
export type TreeFiles = {
  readonly imageFolder: string;
  readonly imageName: string;
  readonly imagePath: string;
  readonly checkoutFolder: string;
  readonly checkoutName: string;
  readonly checkoutPath: string;
  /** Names of the stamps. */
  readonly imageStamp: string;
  readonly checkoutStamp: string;
};

export function treeFiles(root: string, manifest: Digest): TreeFiles {
  const name = digestFileName(manifest);
  const [imageFolder, checkoutFolder] = [join(root, 'trees'), join(root, 'checkouts')];
  const imageName = `${name}.erofs`;
  return {
    imageFolder,
    imageName,
    imagePath: join(imageFolder, imageName),
    checkoutFolder,
    checkoutName: name,
    checkoutPath: join(checkoutFolder, name),
    imageStamp: `tree-${name}`,
    checkoutStamp: `checkout-${name}`,
  };
}

/** The manifests whose trees are prepared, sorted. */
export async function listTrees({ folders }: LayerStore): Promise<readonly Digest[]> {
  const names = await Promise.all(['trees', 'checkouts'].map((name) => listFolder(join(folders.root, name))));
  const digests = names.flat().map((name) => name.replace(/\.erofs$/, '').replace('-', ':'));
  return [...new Set(digests)].filter((text) => isDigest(text)).sort();
}

/** Removes the tree of an image; nothing happens if it has none. Where it is mounted it goes on to work. */
export async function removeTree({ folders, stamps }: LayerStore, manifest: Digest): Promise<void> {
  const files = treeFiles(folders.root, manifest);
  await rm(files.imagePath, { force: true });
  await rm(files.checkoutPath, { recursive: true, force: true });
  stamps.remove(files.imageStamp);
  stamps.remove(files.checkoutStamp);
}

/**
 * Removes what killed processes left of trees.
 *
 * @returns the names that were removed
 */
export async function sweepTrees({ folders }: LayerStore): Promise<readonly string[]> {
  const swept = ['trees', 'checkouts'].map((name) => sweepTemporaries(join(folders.root, name)));
  return (await Promise.all(swept)).flat();
}

async function listFolder(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
