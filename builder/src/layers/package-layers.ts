import { type Digest, digestHex } from '@img/spec/digest';
import type { ProgressListener } from '@img/spec/progress';
import type { Alternative } from '../deb/alternatives.ts';
import { type ConvertedPackage, convertDeb, type Script } from '../deb/convert-deb.ts';
import { profile } from '../deb/profile.ts';
import { readDeb } from '../deb/read-deb.ts';
import type { DebianPackage } from '../debian/package.ts';
import { together } from '../debian/together.ts';
import { systemUserFiles } from '../image/system-users.ts';
import { type PackedTreeEntry, packTreeEntry } from '../image/tree-entry.ts';
import { mapParallel } from '../map-parallel.ts';
import { encodeTar } from '../tar/encode-tar.ts';
import { conversionConcurrency } from './conversion-concurrency.ts';
import type { CachedLayer, LayerCache } from './layer-cache.ts';

/** A package as a layer. */
export type PackageLayer = CachedLayer<PackageNotes> & { readonly package: DebianPackage };

/** What is remembered of a package, so that an image can be put together without reading its layer. */
export type PackageNotes = {
  readonly builtSeconds: number;
  readonly alternatives: readonly Alternative[];
  readonly scripts: readonly Script[];
  readonly entries: readonly PackedTreeEntry[];
  /** The text of files that users and groups are looked up in. */
  readonly texts: { readonly [path: string]: string };
};

export type PackageLayersOptions = {
  readonly cache: LayerCache;
  /** Gets .debs; asked only for packages that have no layer yet. */
  readonly fetch: (packages: readonly DebianPackage[]) => Promise<ReadonlyMap<Digest, string>>;
  /** Gets layers that were made elsewhere; undefined if it doesn't have these. Asked if some are not in the cache. */
  readonly restore?: RestoreLayers | undefined;
  readonly onProgress?: ProgressListener | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** The layers of packages by their digests; one that shares its layer with others may have no file. */
export type RestoreLayers = (
  packages: readonly DebianPackage[],
) => Promise<ReadonlyMap<Digest, CachedLayer<PackageNotes>> | undefined>;

function isRemembered(path: string): boolean {
  return path === 'etc/passwd' || path === 'etc/group' || systemUserFiles.test(path);
}

/**
 * The layers of packages, in their order: from the cache, or converted from their .debs, as many at a time as
 * there are processors.
 *
 * @throws BuilderError of a .deb that isn't what it should be
 */
export async function packageLayers(
  packages: readonly DebianPackage[],
  { cache, fetch, restore, onProgress, signal }: PackageLayersOptions,
): Promise<readonly PackageLayer[]> {
  const found = await mapParallel(packages, 16, (each) => cache.find<PackageNotes>(packageKey(each)));
  const restored = found.includes(undefined) ? await restore?.(packages) : undefined;
  const cached = found.map((layer, index) => layer ?? restored?.get(packages[index]?.digest as Digest));
  const missing = packages.filter((_, index) => cached[index] === undefined);
  const files = missing.length === 0 ? new Map<Digest, string>() : await fetch(missing);
  const made = new Map<Digest, CachedLayer<PackageNotes>>();
  // The largest first, so that none of them is left for the end.
  const work = missing.toSorted((a, b) => b.size - a.size);
  const convert = async (each: DebianPackage, either: AbortSignal): Promise<void> => {
    const item = each.digest;
    onProgress?.({ kind: 'start', item, what: `convert ${each.name} ${each.version}` });
    made.set(
      each.digest,
      await convertPackage(each, files.get(each.digest) ?? '', { cache, signal: either }),
    );
    onProgress?.({ kind: 'done', item });
  };
  await together(signal, work, convert, { concurrency: conversionConcurrency });
  return packages.map((each, index) => {
    const layer = cached[index] ?? made.get(each.digest);
    if (layer === undefined) throw new Error(`no layer was made of ${each.name}`);
    return { ...layer, package: each };
  });
}

/** Where the cache has the layer of a package. */
export function packageKey(wanted: DebianPackage): string {
  return `${profile}/packages/${packageId(wanted)}`;
}

/** What the layer of a package is made of. */
export function packageId({ digest, slice }: DebianPackage): string {
  // The number belongs to what becomes of a part, as the profile's does to what becomes of a whole package.
  return slice === undefined ? digestHex(digest) : `${digestHex(digest)}-${slice}-2`;
}

async function convertPackage(
  wanted: DebianPackage,
  path: string,
  { cache, signal }: Pick<PackageLayersOptions, 'cache' | 'signal'>,
): Promise<CachedLayer<PackageNotes>> {
  await using deb = await readDeb(path, wanted, { temporaryFolder: cache.folder, signal });
  const converted = await convertDeb(deb, wanted);
  return await cache.put(packageKey(wanted), encodeTar(converted.items), {
    compression: 'zstd',
    notes: await notesOf(converted),
    signal,
  });
}

async function notesOf({ items, ...facts }: ConvertedPackage): Promise<PackageNotes> {
  const texts: [path: string, text: string][] = [];
  for (const { entry, content } of items) {
    if (!isRemembered(entry.path) || content === undefined) continue;
    texts.push([entry.path, Buffer.concat(await Array.fromAsync(content())).toString('utf8')]);
  }
  const entries = items.map(({ entry }) => packTreeEntry(entry));
  return { ...facts, entries, texts: Object.fromEntries(texts) };
}
