import { type AppContext, type AppStart, noStart } from '../app/app-plan.ts';
import { planApp } from '../app/plan-app.ts';
import { type BinaryPlan, planBinaries } from '../binary/plan-binaries.ts';
import { readIgnoreRules } from '../files/read-ignore-rules.ts';
import { walkSource } from '../files/walk-source.ts';
import type { LayerCache } from '../layers/layer-cache.ts';
import type { LockedFile } from '../lock/image-lock.ts';
import type { ImageRecipe } from '../recipe/image-recipe.ts';
import type { TarItem } from '../tar/encode-tar.ts';
import { binaryLayers } from './binary-layers.ts';
import { copyFiles } from './copy-files.ts';
import { addGlue } from './glue.ts';
import { javaStorePath, javaTrustStore } from './java-trust.ts';
import { LayerDraft } from './layer-draft.ts';
import type { Foundation } from './os-layers.ts';
import { systemUserFiles } from './system-users.ts';
import { Users } from './users.ts';

/** A layer that belongs to one image. */
export type OwnLayer = {
  readonly items: readonly TarItem[];
  /** What is in it, for the history. */
  readonly what: string;
};

export type OwnLayersOptions = Omit<AppContext, 'rule' | 'run' | 'tree' | 'versionOf'> & {
  readonly foundation: Foundation;
  readonly cache: LayerCache;
  /** Time of all files. */
  readonly mtimeSeconds: number;
};

export type OwnLayers = {
  /** Lowest first; those with nothing in them are left out. */
  readonly layers: readonly OwnLayer[];
  /** How the image is started if the recipe doesn't say. */
  readonly start: AppStart;
  /** What was taken from this machine; undefined if nothing was. */
  readonly hostFiles: readonly LockedFile[] | undefined;
};

/**
 * The layers above a foundation, whose tree gets what is added, by how often they change: what ties the packages
 * together, programs of this machine, files, the app.
 *
 * @throws BuilderError SOURCE_*, OWNER_UNKNOWN, PATH_CONFLICT, BINARY_*, LIBRARY_MISSING, ELF_INVALID, APP_*
 */
export async function ownLayers(recipe: ImageRecipe, options: OwnLayersOptions): Promise<OwnLayers> {
  const { folder, foundation, mtimeSeconds } = options;
  const { run } = recipe;
  const { layers, tree, texts } = foundation;
  const { 'etc/passwd': passwd = '', 'etc/group': group = '' } = texts;
  const asking = Object.keys(texts).filter((path) => systemUserFiles.test(path));
  const users = new Users(
    { passwd, group },
    run.user,
    asking.sort().map((path) => texts[path] ?? ''),
  );
  // Says now what would otherwise be found out when the image is started.
  if (run.user !== undefined) users.resolve(run.user);

  const glue = new LayerDraft(tree, mtimeSeconds);
  addGlue(glue, tree, layers, users);

  const java = new LayerDraft(tree, mtimeSeconds);
  await addJavaStore(java, options);

  const binaries = await planOf(recipe, options);
  const { needs, programs } = binaryLayers(binaries, tree, mtimeSeconds);

  const files = new LayerDraft(tree, mtimeSeconds);
  const rules = await readIgnoreRules(folder);
  for (const { from, to, mode, owner } of recipe.files) {
    const entries = await walkSource(folder, from, rules);
    copyFiles(files, entries, { from, to, mode, owner: users.resolve(owner) });
  }

  const { app: rule } = recipe;
  const versionOf = (name: string) => layers.find((layer) => layer.package.name === name)?.package.version;
  const app = rule === undefined ? undefined : await planApp({ ...options, rule, run, tree, versionOf });
  const appLayers = (app?.layers ?? []).map(({ what, add }) => {
    const draft = new LayerDraft(tree, mtimeSeconds);
    add(draft);
    return { draft, what };
  });

  const names = recipe.binaries.join(', ');
  const all = [
    { draft: glue, what: 'users, alternatives and name service' },
    { draft: java, what: 'certificates that Java trusts' },
    { draft: needs, what: `what ${names} needs` },
    { draft: programs, what: names },
    { draft: files, what: `files ${recipe.files.map(({ from }) => from).join(', ')}` },
    ...appLayers,
  ];
  return {
    layers: all.flatMap(({ draft, what }) => (draft.isEmpty ? [] : [{ items: draft.items(), what }])),
    start: app?.start ?? { ...noStart, cmd: recipe.binaries.slice(0, 1) },
    hostFiles: lockedFiles(binaries),
  };
}

async function addJavaStore(draft: LayerDraft, { foundation, cache }: OwnLayersOptions): Promise<void> {
  const store = await javaTrustStore(foundation.tree, foundation.layers, cache);
  if (store === undefined) return;
  const content = { sizeBytes: store.byteLength, read: () => [store] };
  draft.addFile(javaStorePath, { mode: 0o644, uid: 0, gid: 0 }, content, "Java's certificates");
}

async function planOf({ binaries }: ImageRecipe, { platform }: OwnLayersOptions): Promise<BinaryPlan> {
  if (binaries.length === 0) return { files: [], links: new Map(), packages: [] };
  return await planBinaries(binaries, platform);
}

/** What is locked of programs of this machine; undefined if nothing is. */
export function lockedFiles({ files }: BinaryPlan): readonly LockedFile[] | undefined {
  if (files.length === 0) return undefined;
  return files.map(({ path, digest, owner }) => {
    return { path: `/${path}`, digest, package: owner && `${owner.name}=${owner.version}` };
  });
}
