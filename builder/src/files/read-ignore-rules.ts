import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type IgnoreRules, parseIgnoreRules } from './ignore-rules.ts';

/**
 * The rules of a folder: those of its .imgignore, else of its .dockerignore, else only the defaults.
 *
 * @param more patterns of the kind of app
 * @throws BuilderError RECIPE_INVALID for a malformed pattern
 */
export async function readIgnoreRules(folder: string, more: readonly string[] = []): Promise<IgnoreRules> {
  for (const name of ['.imgignore', '.dockerignore']) {
    const text = await readFile(join(folder, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (text !== undefined) return parseIgnoreRules(text, name, more);
  }
  return parseIgnoreRules('', '.imgignore', more);
}
