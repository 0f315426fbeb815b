import { planBinaries } from '../binary/plan-binaries.ts';
import { writingTo } from '../debian/cache-folder.ts';
import type { PlatformLock } from '../lock/image-lock.ts';
import type { ImageRecipe } from '../recipe/image-recipe.ts';
import type { BuildPlatformOptions } from './build-platform.ts';
import { foundationOf } from './foundation-of.ts';
import { packageLayerFiles } from './layer-files.ts';
import { lockedFiles } from './own-layers.ts';
import { checkLayers, platformLockOf } from './platform-lock.ts';

/**
 * What a build of one platform would lock, without the files and the app of the recipe, which need not be there yet.
 *
 * @throws BuilderError
 */
export async function lockPlatform(
  recipe: ImageRecipe,
  options: BuildPlatformOptions,
): Promise<PlatformLock> {
  const { cache, openBase: open, locked, platform } = options;
  return await writingTo(cache.folder, async () => {
    const foundation = await foundationOf(recipe, { ...options, open });
    const { binaries } = recipe;
    const plan = binaries.length === 0 ? undefined : await planBinaries(binaries, platform);
    const layers = await packageLayerFiles(foundation.layers, options);
    const lock = platformLockOf(foundation, layers, plan && lockedFiles(plan));
    if (locked !== undefined) checkLayers(lock, locked);
    return lock;
  });
}
