import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type BuildImageOptions, type BuiltImage, buildImage } from '@img/builder/build-image';
import { BuilderError } from '@img/builder/builder-error';
import { encodeLock } from '@img/builder/lock/encode-lock';
import { parseLock } from '@img/builder/lock/parse-lock';
import type { ImageRecipe } from '@img/builder/recipe/image-recipe';
import { parseRecipe } from '@img/builder/recipe/parse-recipe';
import { writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import type { ContentTarget } from '@img/registry/transfer/content';
import type { Platform } from '@img/spec/platform';
import { quote } from '@img/spec/quote';
import { readSmallFile } from '../read-small-file.ts';

const recipeName = 'img.yaml';
const maxRecipeBytes = 1024 * 1024;
const maxLockBytes = 16 * 1024 * 1024;

export type BuildFolderOptions = Omit<BuildImageOptions, 'recipe' | 'folder' | 'target' | 'lock'> & {
  /** Instead of what the recipe says. */
  readonly platforms?: readonly Platform[];
  /** Chooses packages anew instead of keeping to the lock. */
  readonly isUpdating: boolean;
  /** Where an image of the name goes. */
  readonly targetFor: (recipe: ImageRecipe) => ContentTarget;
};

export type BuiltFolder = {
  readonly image: BuiltImage;
  /** The file, if there is something to lock. */
  readonly lockFile: string | undefined;
  readonly isLockChanged: boolean;
};

/**
 * Builds the image of an img.yaml and keeps its lock beside it.
 *
 * @param path the file, or the folder that it is in
 * @throws BuilderError RECIPE_MISSING, and what `parseRecipe`, `parseLock` and `buildImage` throw
 */
export async function buildFolder(path: string, options: BuildFolderOptions): Promise<BuiltFolder> {
  const { platforms, isUpdating, targetFor, ...buildOptions } = options;
  const recipeFile = (await isFolder(path)) ? join(path, recipeName) : path;
  const recipe = await readRecipe(recipeFile);
  const lockFile = recipeFile.replace(/(?:\.ya?ml)?$/, '.lock');
  const before = await readSmallFile(lockFile, { maxBytes: maxLockBytes });
  const image = await buildImage({
    ...buildOptions,
    recipe: platforms === undefined ? recipe : { ...recipe, platforms },
    folder: dirname(recipeFile),
    target: targetFor(recipe),
    lock: before === undefined || isUpdating ? undefined : parseLock(before, lockFile),
  });
  const text = image.lock === undefined ? undefined : encodeLock(image.lock);
  const isLockChanged =
    text !== undefined && (before === undefined || !Buffer.from(before).equals(Buffer.from(text)));
  if (isLockChanged) await writeFileAtomic(lockFile, text);
  return { image, lockFile: text === undefined ? undefined : lockFile, isLockChanged };
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    throw new BuilderError('RECIPE_MISSING', `there is no ${quote(path)} to build`, {
      cause,
      hint: 'name a folder with an img.yaml, or the file itself',
    });
  }
}

async function readRecipe(file: string): Promise<ImageRecipe> {
  const bytes = await readSmallFile(file, { maxBytes: maxRecipeBytes });
  if (bytes !== undefined) return parseRecipe(bytes, file);
  throw new BuilderError('RECIPE_MISSING', `there is no ${quote(file)}`, { hint: recipeExample });
}

const recipeExample =
  'an img.yaml has at least three lines: name: com.example.app, version: 1.0.0, os: debian:13; ' +
  'examples/web in the source of img has a whole one';
