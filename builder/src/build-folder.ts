import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import type { ContentTarget } from '@img/registry/transfer/content';
import { quote } from '@img/spec/quote';
import type { RepositoryName } from '@img/spec/repository-name';
import { type BuildImageOptions, type BuiltImage, buildImage } from './build-image.ts';
import { BuilderError } from './builder-error.ts';
import { encodeLock } from './lock/encode-lock.ts';
import type { ImageLock } from './lock/image-lock.ts';
import { parseLock } from './lock/parse-lock.ts';
import type { ImageRecipe } from './recipe/image-recipe.ts';
import { parseRecipe } from './recipe/parse-recipe.ts';

export type BuildFolderOptions = Omit<
  BuildImageOptions,
  'recipe' | 'folder' | 'lock' | 'target' | 'sourceDateEpoch'
> & {
  /** A folder with an img.yaml, or a file that is one under another name. */
  readonly path: string;
  /** Where an image of this name goes. */
  readonly openTarget: (name: RepositoryName) => ContentTarget;
  /** SOURCE_DATE_EPOCH is read from it. */
  readonly environment: { readonly [name: string]: string | undefined };
};

export type BuiltFolder = BuiltImage & {
  readonly recipe: ImageRecipe;
  /** Where the lock is; undefined if there is nothing to lock. */
  readonly lockPath: string | undefined;
  /** Whether the lock is new or says something else than before. */
  readonly isLockChanged: boolean;
};

/**
 * Builds the image that a folder describes and keeps its lock beside the img.yaml: `img.lock`, or `NAME.lock` for
 * `NAME.yaml`.
 *
 * @throws BuilderError RECIPE_MISSING, RECIPE_INVALID, LOCK_INVALID, and what `buildImage` throws
 */
export async function buildFolder(options: BuildFolderOptions): Promise<BuiltFolder> {
  const { path, openTarget, environment, ...rest } = options;
  const recipePath = await findRecipe(path);
  const recipe = parseRecipe(await readRecipe(recipePath), recipePath);
  const lockPath = recipePath.replace(/(?:\.ya?ml)?$/, '.lock');
  const before = await readIfThere(lockPath);
  const built = await buildImage({
    ...rest,
    recipe,
    folder: dirname(resolve(recipePath)),
    target: openTarget(recipe.name),
    lock: before === undefined ? undefined : parseLock(before, lockPath),
    sourceDateEpoch: parseSourceDateEpoch(environment['SOURCE_DATE_EPOCH']),
  });
  const isLockChanged = built.lock !== undefined && (await writeLock(lockPath, built.lock, before));
  return { ...built, recipe, lockPath: built.lock === undefined ? undefined : lockPath, isLockChanged };
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

// https://reproducible-builds.org/specs/source-date-epoch/
function parseSourceDateEpoch(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  // Later than 9999 there is no RFC 3339.
  if (/^\d{1,12}$/.test(text) && Number(text) < 253_402_300_800) return Number(text);
  throw new BuilderError(
    'RECIPE_INVALID',
    `SOURCE_DATE_EPOCH is ${quote(text)}, it should be seconds since 1970`,
  );
}
