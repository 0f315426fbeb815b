import { rm } from 'node:fs/promises';
import type { Platform } from '@img/spec/platform';
import type { BaseImage } from '../base/read-base.ts';
import { readShebang } from '../deb/shebang.ts';
import { writingTo } from '../debian/cache-folder.ts';
import { conversionConcurrency } from '../layers/conversion-concurrency.ts';
import type { PlatformLock } from '../lock/image-lock.ts';
import { mapParallel } from '../map-parallel.ts';
import type { ImageRecipe } from '../recipe/image-recipe.ts';
import type { TarItem } from '../tar/encode-tar.ts';
import type { BuildContext } from './build-context.ts';
import { type Described, encodeImage } from './encode-image.ts';
import { foundationOf } from './foundation-of.ts';
import { type ImageLayer, ownLayerFile, packageLayerFiles, recompressed } from './layer-files.ts';
import { withRecords } from './lock-records.ts';
import type { Foundation, PackageSource } from './os-layers.ts';
import { type OwnLayers, ownLayers } from './own-layers.ts';
import { checkHostFiles, checkLayers, platformLockOf, withKept } from './platform-lock.ts';
import { checkProgram, checkShebang, lookUpProgram, startOf } from './program.ts';
import { storeLayers } from './store-layers.ts';

export type BuildPlatformOptions = BuildContext & {
  readonly platform: Platform;
  /** Undefined for an image without packages. */
  readonly source: PackageSource | undefined;
  /** What was locked for the platform, where the lock holds. */
  readonly locked: PlatformLock | undefined;
  /** Whether nothing else may be taken than what is locked. */
  readonly isLocked: boolean;
};

/** The image of one platform, stored but for its manifest. */
export type BuiltPlatform = {
  readonly platform: Platform;
  readonly manifest: Described;
  readonly config: Described;
  /** Lowest first; the files of those that belong to this image alone are gone. */
  readonly layers: readonly ImageLayer[];
  readonly lock: PlatformLock;
  /** RFC 3339; undefined if nothing in the image says when it was made. */
  readonly created: string | undefined;
};

/**
 * Builds the image of one platform and puts its layers and config into the target.
 *
 * @throws BuilderError
 */
export async function buildPlatform(
  recipe: ImageRecipe,
  options: BuildPlatformOptions,
): Promise<BuiltPlatform> {
  const { platform, cache, compression, sourceDateEpoch, locked, openBase: open } = options;
  const foundation = await writingTo(cache.folder, () => foundationOf(recipe, { ...options, open }));
  await using resources = new AsyncDisposableStack();
  const own = await ownLayers(recipe, {
    ...options,
    resources,
    foundation,
    mtimeSeconds: sourceDateEpoch ?? 0,
    cacheFolder: cache.folder,
  });
  await checkStart(recipe, foundation, own);
  const { locking, packed } = await writingTo(cache.folder, () => packageFiles(foundation, options));
  const made = withKept(platformLockOf(foundation, locking, own.hostFiles), locked);
  const lock = await writingTo(cache.folder, () => withRecords(made, foundation, locking, options));
  if (locked !== undefined) checkHostFiles(lock, locked, options);
  if (locked !== undefined) checkLayers(lock, locked);
  const ownFiles: ImageLayer[] = [];
  try {
    for (const layer of own.layers) {
      ownFiles.push(await writingTo(cache.folder, () => ownLayerFile(layer, compression, options)));
    }
    const above = [...packed, ...ownFiles];
    const { base } = foundation;
    const layers = [...baseFiles(base), ...above];
    const created = createdOf(foundation, sourceDateEpoch);
    const { config, manifest } = encodeImage(recipe, {
      platform,
      base,
      layers: above,
      start: own.start,
      created,
    });
    const { target } = options;
    if (target !== undefined) await storeLayers(layers, config, { ...options, target });
    return { platform, manifest, config, layers, lock, created };
  } finally {
    for (const { path } of ownFiles) await rm(path, { force: true });
  }
}

/** The layers of the image below, as they are there. */
function baseFiles(base: BaseImage | undefined): readonly ImageLayer[] {
  return (base?.layers ?? []).map((layer, index) => {
    return { ...layer, what: `layer ${index + 1} of ${base?.name}`, packages: [] };
  });
}

/** The packages' layers as they are locked, and as the image has them. */
async function packageFiles(
  { layers }: Foundation,
  options: BuildPlatformOptions,
): Promise<{ readonly locking: readonly ImageLayer[]; readonly packed: readonly ImageLayer[] }> {
  const locking = await packageLayerFiles(layers, options);
  const packed = await mapParallel(locking, conversionConcurrency, (layer) => {
    return recompressed(layer, options.compression, options);
  });
  return { locking, packed };
}

/** What the image starts must be in it, and if it is a script, what runs that. */
async function checkStart(
  { run }: ImageRecipe,
  { base, tree, layers }: Foundation,
  own: OwnLayers,
): Promise<void> {
  const start = startOf(run, own.start, base?.config.config);
  if (start === undefined) return;
  checkProgram(tree, start, 'and run starts it');
  const program = lookUpProgram(tree, start);
  const packaged = layers.flatMap((layer) => layer.notes.scripts).find(({ path }) => path === program);
  const item = own.layers.flatMap(({ items }) => items).find(({ entry }) => entry.path === program);
  const shebang = item === undefined ? packaged : readShebang(await beginningOf(item));
  if (program !== undefined && shebang !== undefined) checkShebang(tree, program, shebang, start);
}

async function beginningOf({ content }: TarItem): Promise<Uint8Array> {
  for await (const chunk of content?.() ?? []) return chunk;
  return new Uint8Array();
}

function createdOf({ base, layers }: Foundation, sourceDateEpoch: number | undefined): string | undefined {
  if (base !== undefined && sourceDateEpoch === undefined) return base.config.created;
  const newest = layers.reduce((time, layer) => Math.max(time, layer.notes.builtSeconds), 0);
  const seconds = sourceDateEpoch ?? newest;
  // An image of files alone has no time: theirs differ between equal checkouts.
  if (seconds === 0 && sourceDateEpoch === undefined) return undefined;
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}
