import { dirname, resolve } from 'node:path';
import type { ContentTarget } from '@img/registry/transfer/content';
import { BuilderError } from './builder-error.ts';
import type { ImageLock } from './lock/image-lock.ts';
import { LockFile, lockPathOf } from './lock/lock-file.ts';
import { type LockImageOptions, lockImage } from './lock-image.ts';
import { readRecipe, recipePathOf } from './recipe/find-recipe.ts';
import type { ImageRecipe } from './recipe/image-recipe.ts';
import { parseRecipe } from './recipe/parse-recipe.ts';

export type LockFolderOptions = Omit<LockImageOptions, 'recipe' | 'folder' | 'lock' | 'keepIn'> & {
  /** The repository that the packages are to be kept in; they are not if absent. */
  readonly keepFor?: ((recipe: ImageRecipe) => ContentTarget) | undefined;
};

export type LockedFolder = {
  readonly recipe: ImageRecipe;
  readonly lockFile: string;
  /** What was locked until now; undefined if nothing was. */
  readonly before: ImageLock | undefined;
  readonly lock: ImageLock;
  /** Whether the file is new or says something else than before. */
  readonly isChanged: boolean;
};

/**
 * Locks what a build of a folder would choose, and writes that beside the img.yaml. The files and the app need not be
 * there yet.
 *
 * @param path a folder, or an img.yaml under whatever name
 * @throws BuilderError RECIPE_MISSING, RECIPE_INVALID, RECIPE_UNSUPPORTED if there is nothing to lock, LOCK_INVALID;
 *   SpecError CONTENT_SIZE; what `lockImage` throws
 */
export async function lockFolder(
  path: string,
  { keepFor, ...options }: LockFolderOptions,
): Promise<LockedFolder> {
  const recipeFile = await recipePathOf(path);
  const recipe = parseRecipe(await readRecipe(recipeFile), recipeFile);
  const lockFile = await LockFile.read(lockPathOf(recipeFile));
  const before = lockFile.lock;
  const lock = await lockImage({
    ...options,
    recipe,
    folder: dirname(resolve(recipeFile)),
    lock: before,
    keepIn: keepFor?.(recipe),
  });
  if (lock === undefined) {
    throw new BuilderError('RECIPE_UNSUPPORTED', `${recipeFile} has nothing to lock`, {
      hint: 'packages, another image as base and programs of this machine are locked',
    });
  }
  return { recipe, lockFile: lockFile.path, before, lock, isChanged: await lockFile.write(lock) };
}
