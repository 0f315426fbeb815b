import type { Host } from '@img/runtime/host';
import { collectedTrees, sweepTrees } from '@img/runtime/tree/tree-files';
import type { Digest } from '@img/spec/digest';

/**
 * Removes everything on this host that no image and no running container needs, and what killed commands left.
 *
 * @returns the digests of what was removed
 */
export async function collectGarbage(host: Host): Promise<readonly Digest[]> {
  await Promise.all([host.layers.sweep(), sweepTrees(host.layers)]);
  return await host.images.collectGarbage({
    roots: host.state.list().map(({ digest }) => digest),
    stores: [host.layers, collectedTrees(host.layers)],
  });
}
