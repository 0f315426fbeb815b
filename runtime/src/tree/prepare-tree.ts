import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { type Digest, digestHex, digestOf } from '@img/spec/digest';
import { maxImageBytes } from '../erofs/plan-image.ts';
import { readErofs } from '../erofs/read-erofs.ts';
import { writeErofs } from '../erofs/write-erofs.ts';
import type { CheckedLayer } from '../layers/check-layer.ts';
import { type CheckedFile, fileIdentity, readFlags } from '../layers/file-identity.ts';
import type { LayerStore } from '../layers/layer-store.ts';
import { Temporary } from '../layers/temporary.ts';
import { RuntimeError } from '../runtime-error.ts';
import { checkCheckout } from './check-checkout.ts';
import { ImageTree, mountMethod, type TreeParts } from './image-tree.ts';
import { makeCheckout } from './make-checkout.ts';
import { mergeLayers } from './merge-layers.ts';
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
  await checkCheckout(files, parts, store.stamps, signal);
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
    if (!isMaking) throw missing(files.imagePath);
    made = makeImage(store, layers);
    // Where another process was faster, its image is looked at as if it had been there before.
    found = (await writeImage(files, made)) ?? readImage(files.imagePath);
    if (found === undefined) throw missing(files.imagePath);
  }
  const stamp = { layers: layers.map(({ diffId }) => diffId), image: digestOf(found.bytes) };
  if (!store.stamps.has(files.imageStamp, stamp)) {
    made ??= makeImage(store, layers);
    if (Buffer.compare(made, found.bytes) !== 0) {
      throw damaged(files.imagePath, "it is not what the image's layers make");
    }
    store.stamps.set(files.imageStamp, stamp);
  }
  return { image: found.file, root: readErofs(found.bytes), layers };
}

function makeImage(store: LayerStore, layers: readonly CheckedLayer[]): Uint8Array {
  const entries = layers.values().map((layer) => store.readIndex(layer).entries);
  const devices = layers.map(({ diffId, archive }) => {
    return { tag: digestHex(diffId).slice(0, 64), sizeBytes: Number(archive.identity.size) };
  });
  return writeErofs(mergeLayers(entries), devices);
}

type FoundImage = { readonly file: CheckedFile; readonly bytes: Uint8Array };

/** Undefined if there is one already. */
async function writeImage(files: TreeFiles, bytes: Uint8Array): Promise<FoundImage | undefined> {
  await using temporary = await Temporary.file(files.imageFolder);
  await temporary.handle.writeFile(bytes);
  if (!(await temporary.commitNew(files.imageName))) return undefined;
  const identity = fileIdentity(await temporary.handle.stat({ bigint: true }));
  return { file: { path: files.imagePath, identity }, bytes };
}

function readImage(path: string): FoundImage | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, readFlags);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return undefined;
    throw code === 'ELOOP' ? damaged(path, 'it is a symbolic link') : error;
  }
  try {
    // First the identity, then the bytes: a change between the two is noticed when the image is mounted.
    const stats = fstatSync(descriptor, { bigint: true });
    if (stats.size > maxImageBytes) throw damaged(path, `it has ${stats.size} bytes`);
    return { file: { path, identity: fileIdentity(stats) }, bytes: readFileSync(descriptor) };
  } finally {
    closeSync(descriptor);
  }
}

function damaged(path: string, problem: string): RuntimeError {
  return new RuntimeError('TREE_DAMAGED', `the tree image ${path} was changed on this host: ${problem}`, {
    hint: 'find out who or what writes to the store; pulling the image again repairs it',
  });
}

function missing(path: string): RuntimeError {
  return new RuntimeError('TREE_MISSING', `the image has no tree on this host: there is no ${path}`, {
    hint: 'pull the image again',
  });
}
