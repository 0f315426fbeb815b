import { basename } from 'node:path';
import { readSource } from '../files/read-source.ts';
import type { SourceEntry } from '../files/walk-source.ts';
import type { ImagePath } from '../recipe/image-recipe.ts';
import type { Attributes, LayerDraft } from './layer-draft.ts';
import type { Owner } from './users.ts';

export type CopyOptions = {
  /** What the recipe calls the source. */
  readonly from: string;
  readonly to: ImagePath;
  /** Permissions of files; undefined for what each file's executable bit says. */
  readonly mode: number | undefined;
  readonly owner: Owner;
};

/**
 * Adds what was found at a source to a layer: the content of a folder into the folder, a file under its new
 * name or into the folder. Permissions say what the recipe says, or depend on the executable bit alone, so that
 * neither umask nor the way a checkout was made can be seen.
 *
 * @throws BuilderError PATH_CONFLICT
 */
export function copyFiles(
  draft: LayerDraft,
  entries: readonly SourceEntry[],
  { from, to, mode, owner }: CopyOptions,
): void {
  const isFile = entries[0]?.type === 'file';
  const target = isFile && to.isFolder ? join(to.path, basename(from)) : to.path;
  for (const entry of entries) {
    const path = join(target, entry.path);
    if (entry.type === 'symlink') {
      draft.addLink(path, entry.linkTarget ?? '', owner, from);
    } else {
      const attributes: Attributes = { ...owner, mode: modeOf(entry, mode) };
      const content = { sizeBytes: entry.sizeBytes, read: () => readSource(entry) };
      if (entry.type === 'directory') draft.addFolder(path, attributes, from);
      else draft.addFile(path, attributes, content, from);
    }
  }
}

function modeOf({ type, isExecutable }: SourceEntry, mode: number | undefined): number {
  if (mode === undefined) return isExecutable ? 0o755 : 0o644;
  // A folder that can be read must be searchable too.
  return type === 'directory' ? (mode & 0o777) | ((mode & 0o444) >> 2) : mode;
}

function join(folder: string, path: string): string {
  return folder === '' || path === '' ? folder + path : `${folder}/${path}`;
}
