import { readIgnoreRules } from '../files/read-ignore-rules.ts';
import { walkSource } from '../files/walk-source.ts';
import type { ImageRecipe } from '../recipe/image-recipe.ts';
import type { TarItem } from '../tar/encode-tar.ts';
import { copyFiles } from './copy-files.ts';
import { addGlue } from './glue.ts';
import { LayerDraft } from './layer-draft.ts';
import type { Foundation } from './os-layers.ts';
import { planApp } from './plan-app.ts';
import { Users } from './users.ts';

/** A layer that belongs to one image. */
export type OwnLayer = {
  readonly items: readonly TarItem[];
  /** What is in it, for the history. */
  readonly what: string;
};

export type OwnLayersOptions = {
  /** The folder of the img.yaml. */
  readonly folder: string;
  readonly foundation: Foundation;
  /** Time of all files. */
  readonly mtimeSeconds: number;
};

export type OwnLayers = {
  /** Lowest first; those with nothing in them are left out. */
  readonly layers: readonly OwnLayer[];
  /** What runs if the recipe doesn't say. */
  readonly defaultCmd: readonly string[];
};

/**
 * The layers above a foundation, whose tree gets what is added, by how often they change: what ties the packages together, files, the app.
 *
 * @throws BuilderError SOURCE_*, OWNER_UNKNOWN, PATH_CONFLICT, RECIPE_*
 */
export async function ownLayers(recipe: ImageRecipe, options: OwnLayersOptions): Promise<OwnLayers> {
  const { folder, foundation, mtimeSeconds } = options;
  const { layers, tree, texts } = foundation;
  const users = new Users(texts['etc/passwd'] ?? '', texts['etc/group'] ?? '', recipe.run.user);
  // Says now what would otherwise be found out when the image is started.
  if (recipe.run.user !== undefined) users.resolve(recipe.run.user);

  const glue = new LayerDraft(tree, mtimeSeconds);
  addGlue(glue, tree, layers, users);

  const files = new LayerDraft(tree, mtimeSeconds);
  const rules = await readIgnoreRules(folder);
  for (const { from, to, mode, owner } of recipe.files) {
    const entries = await walkSource(folder, from, rules);
    copyFiles(files, entries, { from, to, mode, owner: users.resolve(owner) });
  }

  const app = new LayerDraft(tree, mtimeSeconds);
  const plan = recipe.app === undefined ? undefined : await planApp(recipe.app, folder);
  if (recipe.app !== undefined && plan !== undefined) {
    copyFiles(app, plan.entries, { ...recipe.app, mode: undefined, owner: { uid: 0, gid: 0 } });
  }

  const all = [
    { draft: glue, what: 'users, alternatives and name service' },
    { draft: files, what: `files ${recipe.files.map(({ from }) => from).join(', ')}` },
    { draft: app, what: `app ${recipe.app?.from}` },
  ];
  return {
    layers: all.flatMap(({ draft, what }) => (draft.isEmpty ? [] : [{ items: draft.items(), what }])),
    defaultCmd: plan?.defaultCmd ?? [],
  };
}
