import { join } from 'node:path';
import type { Scene } from './outside-tools.ts';

/**
 * Begins an image with umoci: a layout `made` in the stage's folder with the empty tag `1`, unpacked. What is written
 * below `root` becomes a layer with `umoci repack … bundle`.
 */
export async function makeUmociBundle({ stage: { folder }, tools: { umoci } }: Scene<'umoci'>) {
  const layout = join(folder, 'made');
  const image = ['--image', `${layout}:1`] as const;
  const bundle = join(folder, 'bundle');
  await umoci.ok('init', '--layout', layout);
  await umoci.ok('new', ...image);
  await umoci.ok('unpack', ...image, bundle);
  return { image, bundle, root: join(bundle, 'rootfs') };
}
