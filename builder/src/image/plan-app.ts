import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { readIgnoreRules } from '../files/read-ignore-rules.ts';
import { type SourceEntry, walkSource } from '../files/walk-source.ts';
import type { AppRule } from '../recipe/image-recipe.ts';

/** What an app is made of, and how it is started if the recipe doesn't say. */
export type AppPlan = {
  readonly entries: readonly SourceEntry[];
  readonly defaultCmd: readonly string[];
};

/** What Python leaves in a folder of sources, and what is made anew elsewhere. */
const pythonLeftovers = ['**/__pycache__', '**/*.pyc', '**/.venv', '**/.pytest_cache', '**/.mypy_cache'];

/** What `python3 FOLDER` and most people start. */
const pythonMains = ['main.py', 'app.py', '__main__.py'];

/**
 * Looks at the sources of an app.
 *
 * @param folder the folder of the img.yaml
 * @throws BuilderError SOURCE_*, and RECIPE_UNSUPPORTED if it needs third-party packages
 */
export async function planApp({ kind, from, to }: AppRule, folder: string): Promise<AppPlan> {
  if (kind === 'files') {
    return { entries: await walkSource(folder, from, await readIgnoreRules(folder)), defaultCmd: [] };
  }
  const entries = await walkSource(folder, from, await readIgnoreRules(folder, pythonLeftovers));
  await refuseRequirements(entries, from);
  const isFile = entries[0]?.type === 'file';
  const main = isFile
    ? basename(from)
    : pythonMains.find((name) => entries.some(({ path }) => path === name));
  // Unbuffered, so that what the app prints is seen when it prints it.
  return { entries, defaultCmd: main === undefined ? [] : ['python3', '-u', `/${to.path}/${main}`] };
}

async function refuseRequirements(entries: readonly SourceEntry[], from: string): Promise<void> {
  const requirements = entries.find(({ path, type }) => path === 'requirements.txt' && type === 'file');
  if (requirements === undefined || requirements.sizeBytes > 1024 * 1024) return;
  const lines = (await readFile(requirements.location, 'utf8')).split('\n').map((line) => line.trim());
  const wanted = lines.find((line) => line !== '' && !line.startsWith('#'));
  if (wanted === undefined) return;
  throw new BuilderError(
    'RECIPE_UNSUPPORTED',
    `${quote(from)} has a requirements.txt that asks for ${quote(wanted)}, and this version of img installs no Python packages`,
    {
      hint: 'Name the Debian package under packages (python3-flask for flask) and leave requirements.txt out through .imgignore.',
    },
  );
}
