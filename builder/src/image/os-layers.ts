import type { Digest } from '@img/spec/digest';
import type { ProgressListener } from '@img/spec/progress';
import { noStart } from '../app/app-plan.ts';
import type { BaseImage } from '../base/read-base.ts';
import { BuilderError } from '../builder-error.ts';
import type { DebianPackage } from '../debian/package.ts';
import type { ReleaseRecord, Resolution } from '../debian/resolution.ts';
import type { LayerCache } from '../layers/layer-cache.ts';
import { type PackageLayer, packageLayers, type RestoreLayers } from '../layers/package-layers.ts';
import type { PlatformLock } from '../lock/image-lock.ts';
import type { ImageRecipe } from '../recipe/image-recipe.ts';
import { ImageTree } from './image-tree.ts';
import { impliedPackages } from './implied-packages.ts';
import { startOf } from './program.ts';
import { unpackTreeEntry } from './tree-entry.ts';

/** How packages are chosen and fetched; what an archive needs for it is already said. */
export type PackageSource = {
  readonly resolve: (packages: readonly string[]) => Promise<Resolution>;
  readonly fetch: (packages: readonly DebianPackage[]) => Promise<ReadonlyMap<Digest, string>>;
  readonly restore?: RestoreLayers | undefined;
};

export type OsLayersOptions = {
  readonly cache: LayerCache;
  /** Undefined for an image without packages. */
  readonly source: PackageSource | undefined;
  /** What was locked, where the lock holds; nothing is chosen then. */
  readonly locked: PlatformLock | undefined;
  /** Whether nothing else may be taken than what is locked. */
  readonly isLocked: boolean;
  readonly onProgress?: ProgressListener | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** What the layers that belong to one image alone are laid upon: packages, another image, or nothing. */
export type Foundation = {
  /** The image below, where there is one. */
  readonly base: BaseImage | undefined;
  readonly releases: readonly ReleaseRecord[];
  /** The packages as layers, sorted by name. */
  readonly layers: readonly PackageLayer[];
  /** What they are together. */
  readonly tree: ImageTree;
  /** The text of files that users and groups are looked up in. */
  readonly texts: { readonly [path: string]: string };
};

/**
 * In every image of a Debian system, whatever else is: the folders and links that programs expect, what system it
 * is (/etc/os-release), and the users that packages' files belong to.
 */
const basePackages = ['base-files', 'base-passwd'];

/**
 * Chooses the packages of an image, unless they are locked, and makes their layers. Packages that scripts need
 * without saying so are found by looking at the scripts, so it may take a second round.
 *
 * @throws BuilderError LOCK_OUTDATED if a lock that must hold lacks such a package
 */
export async function osLayers(recipe: ImageRecipe, options: OsLayersOptions): Promise<Foundation> {
  const { locked, isLocked, source, onProgress } = options;
  if (source === undefined)
    return { base: undefined, releases: [], layers: [], tree: new ImageTree(), texts: {} };
  const isScratch = recipe.os.kind === 'scratch';
  const wanted = new Set(isScratch ? recipe.packages : [...recipe.packages, ...basePackages]);
  const resolve = async (): Promise<Chosen> => {
    const names = [...wanted].sort();
    return isScratch ? dataPackages(await source.resolve(names), names) : await source.resolve(names);
  };
  let choice: Chosen = locked ?? (await resolve());
  for (;;) {
    const result = await makeLayers(choice, source, options);
    const implied = impliedPackages(startOf(recipe.run, noStart), result).filter(
      ({ name }) => !wanted.has(name),
    );
    if (implied.length === 0) return result;
    const reasons = implied.map(({ name, reason }) => `${name} is needed, because ${reason}`);
    if (isLocked) {
      throw new BuilderError('LOCK_OUTDATED', `img.lock does not fit img.yaml: ${reasons.join('; ')}`);
    }
    for (const text of reasons) onProgress?.({ kind: 'note', text });
    for (const { name } of implied) wanted.add(name);
    choice = await resolve();
  }
}

type Chosen = Pick<Resolution, 'releases' | 'packages'>;

/**
 * Of what was chosen, the packages that were asked for: on `os: scratch` nothing comes along, so they can be data
 * only.
 */
function dataPackages({ releases, packages }: Resolution, names: readonly string[]): Chosen {
  const wanted = packages.filter(({ name }) => names.includes(name));
  const program = wanted.find(({ architecture }) => architecture !== 'all');
  if (program === undefined && wanted.length === names.length) return { releases, packages: wanted };
  const name = program?.name ?? names.find((each) => !wanted.some((found) => found.name === each));
  throw new BuilderError(
    'PACKAGE_UNSUITABLE',
    `${name} is no package of data alone, so it can't be on os: scratch, where nothing that it needs is`,
    {
      hint: 'build upon a release, for example os: debian:13; on scratch, ca-certificates and tzdata are of use',
    },
  );
}

async function makeLayers(
  { releases, packages }: Chosen,
  source: PackageSource,
  { cache, onProgress, signal }: OsLayersOptions,
): Promise<Foundation> {
  const layers = await packageLayers(packages, { cache, ...source, onProgress, signal });
  const tree = new ImageTree();
  for (const layer of layers) {
    const entries = layer.notes.entries.flatMap((entry) => unpackTreeEntry(entry) ?? []);
    tree.addPackage(entries, `${layer.package.name} ${layer.package.version}`);
  }
  const texts = Object.assign({}, ...layers.map((layer) => layer.notes.texts)) as Foundation['texts'];
  return { base: undefined, releases, layers, tree, texts };
}
