import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { readIfThere } from '../read-if-there.ts';

const recipeExample =
  'an img.yaml has at least three lines: name: com.example.app, version: 1.0.0, os: debian:13; ' +
  'examples/web in the source of img has a whole one';

/**
 * The img.yaml that a path names by itself or has in it; undefined if it may be something else.
 *
 * @throws BuilderError RECIPE_MISSING if there is nothing at all
 */
export async function findRecipe(path: string): Promise<string | undefined> {
  const file = await recipePathOf(path);
  if (!/\.ya?ml$/.test(file)) return undefined;
  return (await stat(file).catch(() => undefined)) === undefined ? undefined : file;
}

/**
 * Where the img.yaml of a path would be.
 *
 * @throws BuilderError RECIPE_MISSING if there is no such path
 */
export async function recipePathOf(path: string): Promise<string> {
  try {
    return (await stat(path)).isDirectory() ? join(path, 'img.yaml') : path;
  } catch (cause) {
    throw new BuilderError('RECIPE_MISSING', `there is no ${quote(path)} to build`, {
      cause,
      hint: 'name a folder with an img.yaml, the file itself, or an app: a jar, a Python or JavaScript file, a program',
    });
  }
}

/** @throws BuilderError RECIPE_MISSING; SpecError CONTENT_SIZE */
export async function readRecipe(path: string): Promise<Uint8Array> {
  const bytes = await readIfThere(path);
  if (bytes !== undefined) return bytes;
  throw new BuilderError('RECIPE_MISSING', `there is no ${quote(path)}`, { hint: recipeExample });
}
