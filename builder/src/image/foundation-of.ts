import { type BaseImage, type ReadBaseOptions, readBase } from '../base/read-base.ts';
import type { ImageRecipe } from '../recipe/image-recipe.ts';
import { ImageTree } from './image-tree.ts';
import { type Foundation, type OsLayersOptions, osLayers } from './os-layers.ts';
import { unpackTreeEntry } from './tree-entry.ts';

export type FoundationOptions = OsLayersOptions & Omit<ReadBaseOptions, 'locked'>;

/**
 * What a recipe builds upon.
 *
 * @throws BuilderError, and what the source of another image throws
 */
export async function foundationOf(recipe: ImageRecipe, options: FoundationOptions): Promise<Foundation> {
  if (recipe.os.kind !== 'image') return await osLayers(recipe, options);
  return baseFoundation(await readBase(recipe.os.from, { ...options, locked: options.locked?.base }));
}

function baseFoundation(base: BaseImage): Foundation {
  const tree = new ImageTree();
  const texts = new Map<string, string>();
  for (const { notes } of base.layers) {
    const entries = notes.entries.flatMap((entry) => unpackTreeEntry(entry) ?? []);
    tree.addLayer(entries, notes, base.name);
    for (const [path, text] of Object.entries(notes.texts)) texts.set(path, text);
  }
  // What a higher layer has removed is not there any more.
  const left = [...texts].filter(([path]) => tree.get(path)?.type === 'file');
  return { base, releases: [], layers: [], tree, texts: Object.fromEntries(left) };
}
