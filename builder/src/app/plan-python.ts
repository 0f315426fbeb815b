import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { readIgnoreRules } from '../files/read-ignore-rules.ts';
import { type SourceEntry, walkSource } from '../files/walk-source.ts';
import type { AppContext, AppPlan } from './app-plan.ts';
import { sourceLayer } from './source-layer.ts';

/** What Python leaves in a folder of sources, and what is made anew elsewhere. */
const leftovers = ['**/__pycache__', '**/*.pyc', '**/.venv', '**/.pytest_cache', '**/.mypy_cache'];

/** What `python3 FOLDER` and most people start. */
const mains = ['main.py', 'app.py', '__main__.py'];

/**
 * Python sources.
 *
 * @throws BuilderError SOURCE_*
 */
export async function planPython({ rule, folder }: AppContext): Promise<AppPlan> {
  const { from, to } = rule;
  const entries = await walkSource(folder, from, await readIgnoreRules(folder, leftovers));
  await refuseRequirements(entries, from);
  const isFile = entries[0]?.type === 'file';
  const main = isFile ? basename(from) : mains.find((name) => entries.some(({ path }) => path === name));
  // Unbuffered, so that what the app prints is seen when it prints it.
  const cmd = main === undefined ? [] : ['python3', '-u', `/${to.path}/${main}`];
  return { layers: [sourceLayer(rule, entries)], start: { cmd, env: new Map() } };
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
