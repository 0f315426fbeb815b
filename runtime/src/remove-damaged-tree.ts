import { lstatSync } from 'node:fs';
import type { Digest } from '@img/spec/digest';
import type { Host } from './host.ts';
import type { PlatformImage } from './read-image.ts';
import { RuntimeError } from './runtime-error.ts';
import { removeTree, treeFiles } from './tree/tree-files.ts';

/**
 * Removes the tree of an image, so that it is made anew: whoever has it mounted goes on to see it. But a folder that is
 * the root of a running app stays.
 *
 * @param reference what containers of the image were started from: it, or an index
 * @throws RuntimeError CONTAINER_RUNNING
 */
export async function removeDamagedTree(host: Host, image: PlatformImage, reference: Digest): Promise<void> {
  const { checkoutPath } = treeFiles(host.storeFolder, image.digest);
  const hasCheckout = lstatSync(checkoutPath, { throwIfNoEntry: false }) !== undefined;
  const container = host.state.list().find(({ digest }) => digest === reference || digest === image.digest);
  if (hasCheckout && container !== undefined) {
    const name = container.name ?? container.id;
    throw new RuntimeError(
      'CONTAINER_RUNNING',
      `the folder ${checkoutPath} is damaged, and container ${name} may have it as its root`,
      { hint: `end it with img stop ${name}, then repair or pull the image again` },
    );
  }
  await removeTree(host.layers, image.digest);
}
