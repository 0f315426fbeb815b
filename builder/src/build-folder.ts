import { dirname, resolve } from 'node:path';
import type { ContentTarget } from '@img/registry/transfer/content';
import { type Digest, digestOf } from '@img/spec/digest';
import { type BuiltImage, buildImage } from './build-image.ts';
import type { BuildImageOptions } from './build-image-options.ts';
import { explainFull } from './explain-full.ts';
import { type GuessedRecipe, guessRecipe } from './guess/guess-recipe.ts';
import { LockFile, lockPathOf } from './lock/lock-file.ts';
import { findRecipe, readRecipe, recipePathOf } from './recipe/find-recipe.ts';
import type { ImageRecipe } from './recipe/image-recipe.ts';
import { parseRecipe } from './recipe/parse-recipe.ts';

export type BuildFolderOptions = Omit<BuildImageOptions, 'recipe' | 'folder' | 'lock' | 'target'> & {
  /** Annotations besides those of the recipe, for the folder that it describes. */
  readonly annotationsFor?: ((folder: string) => Promise<{ readonly [key: string]: string }>) | undefined;
  /** Where the image of a recipe goes. */
  readonly targetFor: (recipe: ImageRecipe) => ContentTarget | undefined;
};

export type BuiltFolder = {
  readonly image: BuiltImage;
  /** With the annotations that were added to it. */
  readonly recipe: ImageRecipe;
  /** Of the img.yaml that was used. */
  readonly recipeDigest: Digest;
  /** Where the lock is; undefined if there is nothing to lock. */
  readonly lockFile: string | undefined;
  /** Whether the lock is new or says something else than before. */
  readonly isLockChanged: boolean;
  /** The img.yaml that was used for something that has none. */
  readonly guessed: string | undefined;
};

/**
 * Builds the image that a folder describes and keeps its lock beside the img.yaml: `img.lock`, or `NAME.lock` for
 * `NAME.yaml`. What has no img.yaml but is an app of a known kind is built by one that is made up for it; then there is
 * no lock.
 *
 * @param path a folder, an img.yaml under whatever name, or an app
 * @throws BuilderError RECIPE_MISSING, RECIPE_INVALID, LOCK_INVALID, STORE_FULL; SpecError CONTENT_SIZE; what
 *   `buildImage` throws
 */
export async function buildFolder(path: string, options: BuildFolderOptions): Promise<BuiltFolder> {
  return await explainFull(path, async () => {
    const recipeFile = await findRecipe(path);
    const guessed = recipeFile === undefined ? await guessRecipe(path) : undefined;
    if (guessed !== undefined) return await buildGuessed(guessed, options);
    return await buildRecipe(recipeFile ?? (await recipePathOf(path)), options);
  });
}

async function buildGuessed(
  { text, folder }: GuessedRecipe,
  { targetFor, annotationsFor, ...rest }: BuildFolderOptions,
): Promise<BuiltFolder> {
  const lines = text.trimEnd().split('\n');
  for (const line of ['there is no img.yaml; this one is used:', ...lines.map((each) => `  ${each}`)]) {
    rest.onProgress?.({ kind: 'note', text: line });
  }
  const parsed = parseRecipe(Buffer.from(text), 'the img.yaml that was made up');
  const recipe = withAnnotations(parsed, await annotationsFor?.(folder));
  const image = await buildImage({ ...rest, recipe, folder, target: targetFor(recipe) });
  const recipeDigest = digestOf(Buffer.from(text));
  return { image, recipe, recipeDigest, lockFile: undefined, isLockChanged: false, guessed: text };
}

async function buildRecipe(
  recipeFile: string,
  { targetFor, annotationsFor, ...rest }: BuildFolderOptions,
): Promise<BuiltFolder> {
  const folder = dirname(resolve(recipeFile));
  const bytes = await readRecipe(recipeFile);
  const recipe = withAnnotations(parseRecipe(bytes, recipeFile), await annotationsFor?.(folder));
  const lockFile = await LockFile.read(lockPathOf(recipeFile));
  const image = await buildImage({ ...rest, recipe, folder, target: targetFor(recipe), lock: lockFile.lock });
  const built = { image, recipe, recipeDigest: digestOf(bytes), guessed: undefined };
  if (image.lock === undefined) return { ...built, lockFile: undefined, isLockChanged: false };
  return { ...built, lockFile: lockFile.path, isLockChanged: await lockFile.write(image.lock) };
}

function withAnnotations(recipe: ImageRecipe, more: { readonly [key: string]: string } = {}): ImageRecipe {
  // What somebody wrote counts more than what was found.
  return { ...recipe, annotations: new Map([...Object.entries(more), ...recipe.annotations]) };
}
