import { Buffer } from 'node:buffer';
import { fileEntry, folderEntry, linkEntry, type PackageEntry } from './package-entry.ts';
import type { EnableRecipe, PackageRecipe } from './recipes.ts';

export type ApplyRecipeOptions = {
  /** Debian's name of the package's architecture. */
  readonly architecture: string;
  /** The content of a file of the package. */
  readonly read: (entry: PackageEntry) => Promise<Uint8Array>;
};

/** The entries of a package with what its recipe changes; without a recipe the entries as they are. */
export async function applyRecipe(
  recipe: PackageRecipe | undefined,
  entries: ReadonlyMap<string, PackageEntry>,
  { architecture, read }: ApplyRecipeOptions,
): Promise<Map<string, PackageEntry>> {
  const result = new Map(entries);
  for (const path of recipe?.drops ?? []) result.delete(path);
  for (const [from, to] of Object.entries(recipe?.copies ?? {})) {
    const original = entries.get(from);
    if (original?.entry.type === 'file') result.set(to, fileEntry(to, await read(original)));
  }
  for (const { folder, suffix, to } of recipe?.joins ?? []) {
    const parts = [...entries.values()].filter(({ entry }) => {
      return entry.type === 'file' && entry.path.startsWith(`${folder}/`) && entry.path.endsWith(suffix);
    });
    const contents = await readInOrder(parts, read);
    if (contents.length > 0) result.set(to, fileEntry(to, Buffer.concat(contents)));
  }
  for (const each of recipe?.enables ?? []) {
    for (const entry of await enabling(each, entries, read)) result.set(entry.entry.path, entry);
  }
  for (const path of recipe?.folders ?? []) if (!result.has(path)) result.set(path, folderEntry(path));
  for (const { path, target, architectures } of recipe?.links ?? []) {
    if (architectures?.includes(architecture) !== false) result.set(path, linkEntry(path, target));
  }
  return result;
}

async function enabling(
  { files, copy, links, target, order }: EnableRecipe,
  entries: ReadonlyMap<string, PackageEntry>,
  read: ApplyRecipeOptions['read'],
): Promise<readonly PackageEntry[]> {
  const added: PackageEntry[] = [];
  for (const [path, original] of entries) {
    if (original.entry.type !== 'file' || !files.test(path)) continue;
    const place = (template: string) => path.replace(files, template);
    const bytes = await read(original);
    if (copy !== undefined) added.push(fileEntry(place(copy), bytes));
    const said = order?.says.exec(new TextDecoder().decode(bytes))?.[1] ?? order?.otherwise ?? '';
    for (const link of links) {
      added.push(linkEntry(place(link.replace('$order', said)), place(target)));
    }
  }
  return added;
}

async function readInOrder(
  parts: readonly PackageEntry[],
  read: (entry: PackageEntry) => Promise<Uint8Array>,
): Promise<readonly Uint8Array[]> {
  const contents: Uint8Array[] = [];
  for (const part of parts.toSorted((a, b) => (a.entry.path < b.entry.path ? -1 : 1))) {
    const bytes = await read(part);
    contents.push(bytes);
    // Text files that are joined must each end their last line.
    if (bytes.at(-1) !== 0x0a) contents.push(Buffer.from('\n'));
  }
  return contents;
}
