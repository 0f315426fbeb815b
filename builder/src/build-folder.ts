import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import type { ContentTarget } from '@img/registry/transfer/content';
import { collect } from '@img/spec/collect';
import { quote } from '@img/spec/quote';
import { type BuildImageOptions, type BuiltImage, buildImage } from './build-image.ts';
import { BuilderError } from './builder-error.ts';
import { explainFull } from './explain-full.ts';
import { type GuessedRecipe, guessRecipe } from './guess/guess-recipe.ts';
import { encodeLock } from './lock/encode-lock.ts';
import type { ImageLock } from './lock/image-lock.ts';
import { parseLock } from './lock/parse-lock.ts';
import type { ImageRecipe } from './recipe/image-recipe.ts';
import { parseRecipe } from './recipe/parse-recipe.ts';

// The parsers have limits of their own, so this one only keeps /dev/zero out.
const maxBytes = 16 * 1024 * 1024;

const recipeExample =
  'an img.yaml has at least three lines: name: com.example.app, version: 1.0.0, os: debian:13; ' +
  'examples/web in the source of img has a whole one';

export type BuildFolderOptions = Omit<BuildImageOptions, 'recipe' | 'folder' | 'lock' | 'target'> & {
  /** Annotations besides those of the recipe, for the folder that it describes. */
  readonly annotationsFor?: ((folder: string) => Promise<{ readonly [key: string]: string }>) | undefined;
  /** Where the image of a recipe goes. */
  readonly targetFor: (recipe: ImageRecipe) => ContentTarget;
};

export type BuiltFolder = {
  readonly image: BuiltImage;
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
    return await buildRecipe(recipeFile ?? (await recipePath(path)), options);
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
  return { image, lockFile: undefined, isLockChanged: false, guessed: text };
}

async function buildRecipe(
  recipeFile: string,
  { targetFor, annotationsFor, ...rest }: BuildFolderOptions,
): Promise<BuiltFolder> {
  const folder = dirname(resolve(recipeFile));
  const parsed = parseRecipe(await readRecipe(recipeFile), recipeFile);
  const recipe = withAnnotations(parsed, await annotationsFor?.(folder));
  const lockFile = recipeFile.replace(/(?:\.ya?ml)?$/, '.lock');
  const before = await readIfThere(lockFile);
  const image = await buildImage({
    ...rest,
    recipe,
    folder,
    target: targetFor(recipe),
    lock: before === undefined ? undefined : parseLock(before, lockFile),
  });
  if (image.lock === undefined) {
    return { image, lockFile: undefined, isLockChanged: false, guessed: undefined };
  }
  const isLockChanged = await writeLock(lockFile, image.lock, before);
  return { image, lockFile, isLockChanged, guessed: undefined };
}

function withAnnotations(recipe: ImageRecipe, more: { readonly [key: string]: string } = {}): ImageRecipe {
  // What somebody wrote counts more than what was found.
  return { ...recipe, annotations: new Map([...Object.entries(more), ...recipe.annotations]) };
}

/** The img.yaml that a path names by itself or has in it; undefined if it may be something else. */
async function findRecipe(path: string): Promise<string | undefined> {
  const file = await recipePath(path);
  if (/\.ya?ml$/.test(file))
    return (await stat(file).catch(() => undefined)) === undefined ? undefined : file;
  return undefined;
}

/** Where the img.yaml of a path would be. */
async function recipePath(path: string): Promise<string> {
  try {
    return (await stat(path)).isDirectory() ? join(path, 'img.yaml') : path;
  } catch (cause) {
    throw new BuilderError('RECIPE_MISSING', `there is no ${quote(path)} to build`, {
      cause,
      hint: 'name a folder with an img.yaml, the file itself, or an app: a jar, a Python or JavaScript file, a program',
    });
  }
}

async function readRecipe(path: string): Promise<Uint8Array> {
  const bytes = await readIfThere(path);
  if (bytes !== undefined) return bytes;
  throw new BuilderError('RECIPE_MISSING', `there is no ${quote(path)}`, { hint: recipeExample });
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await collect(createReadStream(path), maxBytes, quote(path));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cause;
  }
}

async function writeLock(path: string, lock: ImageLock, before: Uint8Array | undefined): Promise<boolean> {
  const text = encodeLock(lock);
  if (before !== undefined && Buffer.from(text).equals(before)) return false;
  await writeFileAtomic(path, text);
  return true;
}
