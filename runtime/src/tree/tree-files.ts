import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CollectedStore } from '@img/registry/images/collect-garbage';
import { storedBytes } from '@img/registry/storage/stored-bytes';
import type { Digest } from '@img/spec/digest';
import { hiddenPath, hideFile, listHidden, showFile } from '../layers/hide-file.ts';
import { digestFileName, digestsOf } from '../layers/layer-place.ts';
import type { LayerStore } from '../layers/layer-store.ts';
import { sweepTemporaries } from '../layers/temporary.ts';
import { userNamespace } from '../linux/user-namespace.ts';

// In a user namespace files have other owners than outside of it, so what is right in one is wrong in the other. Only
// there they can be read and removed; what was laid out before there was one can be in both. Whoever is not root keeps
// no owners there, either.
const checkoutFolders = (): readonly string[] =>
  process.geteuid?.() !== 0 || userNamespace() === undefined ? ['checkouts'] : ['mapped', 'checkouts'];

const treeFolders = (): readonly string[] => ['trees', ...checkoutFolders()];

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
  const imageFolder = join(root, 'trees');
  const [checkouts = ''] = checkoutFolders();
  const checkoutFolder = join(root, checkouts);
  const imageName = `${name}.erofs`;
  return {
    imageFolder,
    imageName,
    imagePath: join(imageFolder, imageName),
    checkoutFolder,
    checkoutName: name,
    checkoutPath: join(checkoutFolder, name),
    imageStamp: `tree-${name}`,
    checkoutStamp: checkoutStamp(checkouts, name),
  };
}

function checkoutStamp(folder: string, name: string): string {
  return `${folder === 'mapped' ? 'mapped' : 'checkout'}-${name}`;
}

/** The trees of a store, for the garbage collector of the images; each goes by the digest of its manifest. */
export function collectedTrees({ folders: { root }, stamps }: LayerStore): CollectedStore {
  const placesOf = (manifest: Digest) => {
    const { imageFolder, imageName, imageStamp, checkoutName: name } = treeFiles(root, manifest);
    const checkouts = checkoutFolders().map(
      (folder) => [join(root, folder), name, checkoutStamp(folder, name)] as const,
    );
    return [[imageFolder, imageName, imageStamp] as const, ...checkouts];
  };
  const each = async (
    manifest: Digest,
    action: (folder: string, name: string, stamp: string) => Promise<void>,
  ) => {
    for (const [folder, name, stamp] of placesOf(manifest)) await action(folder, name, stamp);
  };
  const find = async (list: (folder: string) => Promise<readonly string[]>) => {
    const names = await Promise.all(treeFolders().map((name) => list(join(root, name))));
    return digestsOf(names.flat().map((name) => name.replace(/\.erofs$/, '')));
  };
  return {
    list: () => find(listFolder),
    listHidden: () => find(listHidden),
    hide: (manifest) =>
      each(manifest, async (folder, name, stamp) => {
        await hideFile(folder, name);
        stamps.remove(stamp);
      }),
    show: (manifest) => each(manifest, showFile),
    removeHidden: (manifest) =>
      each(manifest, (folder, name) => rm(hiddenPath(folder, name), { recursive: true, force: true })),
    sizeBytes: async (manifest) => {
      let sum = 0;
      await each(manifest, async (folder, name) => {
        sum += (await storedBytes(join(folder, name))) + (await storedBytes(hiddenPath(folder, name)));
      });
      return sum;
    },
  };
}

/** The manifests whose trees are prepared, sorted. */
export function listTrees(store: LayerStore): Promise<readonly Digest[]> {
  return collectedTrees(store).list();
}

/** Removes the tree of an image; nothing happens if it has none. Where it is mounted it goes on to work. */
export async function removeTree(store: LayerStore, manifest: Digest): Promise<void> {
  const trees = collectedTrees(store);
  await trees.hide(manifest);
  await trees.removeHidden(manifest);
}

/**
 * Removes what killed processes left of trees.
 *
 * @returns the names that were removed
 */
export async function sweepTrees({ folders }: LayerStore): Promise<readonly string[]> {
  const swept = treeFolders().map((name) => sweepTemporaries(join(folders.root, name)));
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
