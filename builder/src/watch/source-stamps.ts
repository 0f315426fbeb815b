import { lstat, readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { BuilderError } from '../builder-error.ts';
import { type IgnoreRules, parseIgnoreRules } from '../files/ignore-rules.ts';
import { readIgnoreRules } from '../files/read-ignore-rules.ts';
import { guessRecipe } from '../guess/guess-recipe.ts';
import { lockPathOf } from '../lock/lock-file.ts';
import { findRecipe, readRecipe, recipePathOf } from '../recipe/find-recipe.ts';
import type { ImageRecipe } from '../recipe/image-recipe.ts';
import { parseRecipe } from '../recipe/parse-recipe.ts';

/** What a build reads, and when each of it changed. */
export type SourceStamps = {
  /** By the absolute path; of what isn't there, empty. */
  readonly files: ReadonlyMap<string, string>;
  /** Folders in which something that counts can come or go, and what tells each from another one of the same name. */
  readonly folders: ReadonlyMap<string, string>;
  /** Files that say what else counts. */
  readonly rules: readonly string[];
  /** What the build itself writes. */
  readonly lockFile: string | undefined;
};

// What tools leave behind in folders of sources. No kind of app takes it along.
const leftovers = [
  '**/node_modules',
  '**/__pycache__',
  '**/*.pyc',
  '**/.venv',
  '**/.pytest_cache',
  '**/.npm',
];

/**
 * Looks at everything that a build of a path would read: the img.yaml, its lock, the ignore files, and the files and
 * the app that it names. What isn't there or can't be read counts as changed as soon as it is there.
 *
 * @throws BuilderError RECIPE_MISSING if there is no such path
 */
export async function stampSources(path: string): Promise<SourceStamps> {
  const { recipeFile, recipe, folder, rules, ruleStamps } = await readChoice(path);
  const stamps = new Stamps();
  const lockFile = recipeFile === undefined ? undefined : resolve(lockPathOf(recipeFile));
  for (const [file, stamp] of ruleStamps) await stamps.addFile(file, stamp);
  if (lockFile !== undefined) await stamps.addFile(lockFile);
  const sources = recipe === undefined ? [] : recipe.files.map(({ from }) => from);
  for (const from of new Set([...sources, ...(recipe?.app === undefined ? [] : [recipe.app.from])])) {
    // What the recipe names by itself counts also where a rule leaves it out.
    await stamps.addTree(join(folder, from), from === '.' ? '' : from, rules);
  }
  return { files: stamps.files, folders: stamps.folders, rules: [...ruleStamps.keys()], lockFile };
}

/** Which files count, by what the files say that have these stamps. */
type Choice = Found & { readonly rules: IgnoreRules; readonly ruleStamps: ReadonlyMap<string, string> };

/** Reads again what was changed while it was read, because it would be taken for what it has become. */
async function readChoice(path: string): Promise<Choice> {
  let before = await stampsOf(ruleFilesOf(await recipeOf(path)));
  for (;;) {
    const found = await recipeOf(path);
    const rules = await rulesOf(found.folder);
    const ruleStamps = await stampsOf(ruleFilesOf(found));
    const isAsRead = ruleStamps.size === before.size;
    if (isAsRead && [...ruleStamps].every(([file, stamp]) => before.get(file) === stamp)) {
      return { ...found, rules, ruleStamps };
    }
    before = ruleStamps;
  }
}

function ruleFilesOf({ recipeFile, folder }: Found): readonly string[] {
  const ignoreFiles = ['.imgignore', '.dockerignore'].map((name) => resolve(folder, name));
  return recipeFile === undefined ? ignoreFiles : [resolve(recipeFile), ...ignoreFiles];
}

async function stampsOf(files: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const stamps = new Map<string, string>();
  for (const file of files) stamps.set(file, await stampOf(file));
  return stamps;
}

type Found = {
  /** Undefined for an app without one. */
  readonly recipeFile: string | undefined;
  /** Undefined if it can't be read as it is now. */
  readonly recipe: ImageRecipe | undefined;
  readonly folder: string;
};

async function recipeOf(path: string): Promise<Found> {
  const recipeFile = await findRecipe(path);
  const guessed = recipeFile === undefined ? await guessRecipe(path) : undefined;
  if (guessed !== undefined) {
    const recipe = parseRecipe(Buffer.from(guessed.text), 'the img.yaml that was made up');
    return { recipeFile: join(guessed.folder, 'img.yaml'), recipe, folder: guessed.folder };
  }
  const file = resolve(recipeFile ?? (await recipePathOf(path)));
  try {
    return { recipeFile: file, recipe: parseRecipe(await readRecipe(file), file), folder: dirname(file) };
  } catch (error) {
    // The build says what is wrong with it.
    if (!(error instanceof BuilderError)) throw error;
    return { recipeFile: file, recipe: undefined, folder: dirname(file) };
  }
}

async function rulesOf(folder: string): Promise<IgnoreRules> {
  try {
    return await readIgnoreRules(folder, leftovers);
  } catch (error) {
    if (!(error instanceof BuilderError)) throw error;
    return parseIgnoreRules('', '.imgignore', leftovers);
  }
}

class Stamps {
  readonly files = new Map<string, string>();
  readonly folders = new Map<string, string>();

  async addFile(path: string, stamp?: string): Promise<void> {
    await this.#addFolder(dirname(path));
    this.files.set(path, stamp ?? (await stampOf(path)));
  }

  async #addFolder(path: string): Promise<void> {
    if (this.folders.has(path)) return;
    const status = await stat(path, { bigint: true }).catch(() => undefined);
    if (status?.isDirectory() === true) this.folders.set(path, `${status.dev} ${status.ino}`);
  }

  async addTree(path: string, ignorePath: string, rules: IgnoreRules): Promise<void> {
    await this.addFile(path);
    const entries = await readdir(path, { withFileTypes: true }).catch(() => undefined);
    if (entries === undefined) return;
    await this.#addFolder(path);
    for (const entry of entries) {
      const below = ignorePath === '' ? entry.name : `${ignorePath}/${entry.name}`;
      const isIgnored = rules.ignores(below);
      const place = join(path, entry.name);
      if (entry.isDirectory() && (!isIgnored || rules.hasExceptions)) await this.addTree(place, below, rules);
      else if (!isIgnored) await this.addFile(place);
    }
  }
}

/** What tells a file from what it was: inode, size, permissions and times; of a folder, its permissions. */
async function stampOf(path: string): Promise<string> {
  const status = await lstat(path, { bigint: true }).catch(() => undefined);
  if (status === undefined) return '';
  const { mode, ino, size, mtimeNs, ctimeNs } = status;
  return status.isDirectory() ? `${mode}` : [mode, ino, size, mtimeNs, ctimeNs].join(' ');
}
