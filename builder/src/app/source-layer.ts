import type { SourceEntry } from '../files/walk-source.ts';
import { copyFiles } from '../image/copy-files.ts';
import type { AppRule } from '../recipe/image-recipe.ts';
import type { AppLayer } from './app-plan.ts';

/** The layer of an app's own files. */
export function sourceLayer({ from, to }: AppRule, entries: readonly SourceEntry[]): AppLayer {
  return {
    what: `app ${from}`,
    add: (draft) => copyFiles(draft, entries, { from, to, mode: undefined, owner: { uid: 0, gid: 0 } }),
  };
}
