import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import type { ContentTarget } from '@img/registry/transfer/content';
import { type BuildImageOptions, type BuiltImage, buildImage } from './build-image.ts';
import { BuilderError } from './builder-error.ts';
import { encodeLock } from './lock/encode-lock.ts';
import type { ImageLock } from './lock/image-lock.ts';
import { parseLock } from './lock/parse-lock.ts';
import type { ImageRecipe } from './recipe/image-recipe.ts';
import { parseRecipe } from './recipe/parse-recipe.ts';

export type BuildFolderOptions = Omit<BuildImageOptions, 'recipe' | 'folder' | 'lock' | 'target'> & {
  /** Where the image of a recipe goes. */
  readonly targetFor: (recipe: ImageRecipe) => ContentTarget;
};

export type BuiltFolder = {
  readonly image: BuiltImage;
  /** Where the lock is; undefined if there is nothing to lock. */
  readonly lockFile: string | undefined;
  /** Whether the lock is new or says something else than before. */
  readonly isLockChanged: boolean;
};

/**
 * Builds the image that a folder describes and keeps its lock beside the img.yaml: `img.lock`, or `NAME.lock` for
 * `NAME.yaml`.
 *
 * @param path a folder with an img.yaml, or a file that is one under another name
 * @throws BuilderError RECIPE_MISSING, RECIPE_INVALID, LOCK_INVALID, and what `buildImage` throws
 */
export async function buildFolder(path: string, options: BuildFolderOptions): Promise<BuiltFolder> {
  const { targetFor, ...rest } = options;
  const recipeFile = await findRecipe(path);
  const recipe = parseRecipe(await readRecipe(recipeFile), recipeFile);
  const lockFile = recipeFile.replace(/(?:\.ya?ml)?$/, '.lock');
  const before = await readIfThere(lockFile);
  const image = await buildImage({
    ...rest,
    recipe,
    folder: dirname(resolve(recipeFile)),
    target: targetFor(recipe),
    lock: before === undefined ? undefined : parseLock(before, lockFile),
  });
  if (image.lock === undefined) return { image, lockFile: undefined, isLockChanged: false };
  return { image, lockFile, isLockChanged: await writeLock(lockFile, image.lock, before) };
}

async function findRecipe(path: string): Promise<string> {
  const status = await stat(path).catch(() => undefined);
  return status?.isDirectory() === true ? join(path, 'img.yaml') : path;
}

async function readRecipe(path: string): Promise<Uint8Array> {
  const bytes = await readIfThere(path);
  if (bytes !== undefined) return bytes;
  throw new BuilderError('RECIPE_MISSING', `there is no ${path}`, {
    hint: 'An img.yaml has at least name, version and os; `img help build` shows one.',
  });
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new BuilderError('RECIPE_MISSING', `${path} can't be read: ${message}`, { cause });
  }
}

async function writeLock(path: string, lock: ImageLock, before: Uint8Array | undefined): Promise<boolean> {
  const text = encodeLock(lock);
  if (before !== undefined && Buffer.from(text).equals(before)) return false;
  await writeFileAtomic(path, text);
  return true;
}
