import type { ContentTarget } from '@img/registry/transfer/content';
import { planBinaries } from '../binary/plan-binaries.ts';
import { writingTo } from '../debian/cache-folder.ts';
import { keepPackages } from '../kept/keep-packages.ts';
import type { PlatformLock } from '../lock/image-lock.ts';
import type { ImageRecipe } from '../recipe/image-recipe.ts';
import type { BuildPlatformOptions } from './build-platform.ts';
import { foundationOf } from './foundation-of.ts';
import { packageLayerFiles } from './layer-files.ts';
import { withRecords } from './lock-records.ts';
import { lockedFiles } from './own-layers.ts';
import { checkLayers, platformLockOf, withKept } from './platform-lock.ts';

/**
 * What a build of one platform would lock, without the files and the app of the recipe, which need not be there yet.
 *
 * @param options `keepIn`: where packages are to be kept
 * @throws BuilderError, and what that place throws
 */
export async function lockPlatform(
  recipe: ImageRecipe,
  { keepIn, ...options }: BuildPlatformOptions & { readonly keepIn: ContentTarget | undefined },
): Promise<PlatformLock> {
  const { cache, openBase: open, locked, platform, source } = options;
  return await writingTo(cache.folder, async () => {
    const foundation = await foundationOf(recipe, { ...options, open });
    const { binaries } = recipe;
    const plan = binaries.length === 0 ? undefined : await planBinaries(binaries, platform);
    const layers = await packageLayerFiles(foundation.layers, options);
    const made = platformLockOf(foundation, layers, plan && lockedFiles(plan));
    if (locked !== undefined) checkLayers(made, locked);
    const lock = await withRecords(made, foundation, layers, options);
    if (keepIn === undefined || source === undefined) return withKept(lock, locked);
    return {
      ...lock,
      kept: await keepPackages(foundation.layers, layers, { ...options, source, target: keepIn }),
    };
  });
}
