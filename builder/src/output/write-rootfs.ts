import { randomBytes } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { makeFolder } from '@img/registry/storage/make-folder';
import { temporaryPrefix } from '@img/registry/storage/write-file-atomic';
import type { ContentSource } from '@img/registry/transfer/content';
import { LayerStore } from '@img/runtime/layers/layer-store';
import type { PlatformImage } from '@img/runtime/read-image';
import { prepareTree } from '@img/runtime/tree/prepare-tree';
import { treeFiles } from '@img/runtime/tree/tree-files';
import type { Digest } from '@img/spec/digest';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';

export type WriteOptions = { readonly signal?: AbortSignal | undefined };

/**
 * Lays an image out as a plain folder, by the rules by which it would be run: complete or not at all. Owners, devices
 * and what else only root can make are as they are in the image only if root does it.
 *
 * @param folder must be empty or not there yet
 * @throws BuilderError OUTPUT_OCCUPIED; RuntimeError of layers that make no tree
 */
export async function writeRootfs(
  { manifest, config, digest }: PlatformImage,
  source: ContentSource,
  folder: string,
  { signal }: WriteOptions = {},
): Promise<void> {
  const target = resolve(folder);
  await checkFree(target);
  // Beside the target, so that what is finished can be renamed.
  const work = join(
    dirname(target),
    `${temporaryPrefix}${basename(target)}-${randomBytes(6).toString('hex')}`,
  );
  await makeFolder(work, 0o755);
  try {
    const store = new LayerStore({ root: work, run: join(work, 'run') });
    const options = signal === undefined ? {} : { signal };
    for (const [index, descriptor] of manifest.layers.entries()) {
      const content = { descriptor, diffId: config.diffIds[index] as Digest };
      await store.put(content, source.getBlob(descriptor, options), options);
    }
    await prepareTree({ store, manifest: digest, layers: config.diffIds, method: 'checkout', ...options });
    await checkFree(target);
    await rename(treeFiles(work, digest).checkoutPath, target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function checkFree(target: string): Promise<void> {
  const names = await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (names.length === 0) return;
  throw new BuilderError('OUTPUT_OCCUPIED', `there is something in ${quote(target)} already`, {
    hint: 'name a folder that is empty or not there yet',
  });
}
