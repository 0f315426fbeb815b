import { join } from 'node:path';
import { writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import type {
  BlobRequest,
  ContentOptions,
  ContentSource,
  ContentTarget,
} from '@img/registry/transfer/content';
import { readBlob } from '@img/registry/transfer/read-blob';
import type { Descriptor } from '@img/spec/descriptor';
import { type Digest, digestHex } from '@img/spec/digest';
import type { ProgressListener } from '@img/spec/progress';
import { verified } from '@img/spec/verified';
import { BuilderError } from '../builder-error.ts';
import type { DebianPackage } from '../debian/package.ts';
import { mediaTypeOf } from '../image/encode-image.ts';
import type { CachedLayer, LayerCache } from '../layers/layer-cache.ts';
import { type PackageNotes, packageKey } from '../layers/package-layers.ts';
import { sharedKey } from '../layers/shared-layer.ts';
import type { LayerBlob } from '../layers/write-layer.ts';
import type { LockedBlob, PlatformLock } from '../lock/image-lock.ts';
import { mapParallel } from '../map-parallel.ts';
import {
  keepRecords,
  type PackageRecords,
  parseRecords,
  readRecords,
  recordsDescriptor,
} from './package-records.ts';

export const packageMediaType = 'application/vnd.debian.binary-package';

/** The repository of an image. */
export type KeptPlace = ContentSource & Pick<ContentTarget, 'presentBlobs'>;

/** Closed when everything was read. */
export type OpenedKept = AsyncDisposable & { readonly place: KeptPlace };

export type KeptPackagesOptions = {
  readonly cache: LayerCache;
  readonly open: () => OpenedKept;
  /** Whether layers that are there stay there, and are got only if somebody reads them. */
  readonly leavesLayers: boolean;
  readonly onProgress?: ProgressListener | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** A layer that an image has of packages. */
type PackedLayer = {
  readonly key: string;
  readonly layer: LayerBlob & { readonly notes: PackageNotes | null };
  readonly members: readonly DebianPackage[];
};

const maxRecordsBytes = 64 * 1024 * 1024;
const concurrency = 4;

/**
 * The packages that a lock names, as far as the repository of the image has them or what was made of them. What is read
 * is checked against the lock.
 */
export class KeptPackages {
  readonly #locked: PlatformLock;
  readonly #options: KeptPackagesOptions;

  constructor(locked: PlatformLock, options: KeptPackagesOptions) {
    this.#locked = locked;
    this.#options = options;
  }

  /**
   * Gets the layers that an image has of the locked packages, so that no package is needed. Those that share a layer
   * have no file of their own.
   *
   * @returns undefined if these are not the locked packages, or nothing is known of them; without packages whose layer
   *   is not there, if layers stay there
   * @throws BuilderError LOCK_OUTDATED; what the source throws
   */
  async layers(
    packages: readonly DebianPackage[],
  ): Promise<ReadonlyMap<Digest, CachedLayer<PackageNotes>> | undefined> {
    const { packages: locked, records: known } = this.#locked;
    const isLocked = packages.every(({ digest }, index) => locked[index]?.digest === digest);
    if (known === undefined || !isLocked || packages.length !== locked.length) return undefined;
    await using opened = this.#options.open();
    const { place } = opened;
    const records = await this.#records(place, known);
    const packed = this.#packedLayers(packages, records);
    const missing = await this.#missing(packed);
    const lost = this.#options.leavesLayers ? await this.#leave(missing, place) : new Set<PackedLayer>();
    if (!this.#options.leavesLayers)
      await mapParallel(missing, concurrency, async (each) =>
        this.#offer(each, await this.#bring(each, place)),
      );
    const found = packed.filter((each) => !lost.has(each)).map((each) => this.#membersOf(each, records));
    return new Map((await Promise.all(found)).flat());
  }

  /**
   * Gets packages into files, for example those that no mirror has any more.
   *
   * @throws what the source throws
   */
  async fetch(packages: readonly DebianPackage[], pathOf: (wanted: DebianPackage) => string): Promise<void> {
    const { onProgress } = this.#options;
    await using opened = this.#options.open();
    const { place } = opened;
    await mapParallel(packages, concurrency, async (wanted) => {
      const { name, version, digest, size } = wanted;
      const descriptor = { mediaType: packageMediaType, digest, size };
      onProgress?.({ kind: 'start', item: digest, what: `${name} ${version}`, totalBytes: size });
      await writeFileAtomic(pathOf(wanted), this.#read(place, descriptor));
      onProgress?.({ kind: 'done', item: digest });
    });
  }

  #packedLayers(packages: readonly DebianPackage[], records: PackageRecords): readonly PackedLayer[] {
    const byName = new Map(packages.map((each) => [each.name, each]));
    return this.#locked.layers.map(({ digest, packages: names }) => {
      const blob = records.layers.find((each) => each.digest === digest);
      const members = names.flatMap((name) => byName.get(name) ?? []);
      const [only] = members;
      if (blob === undefined || only === undefined) throw this.#unfit();
      if (members.length > 1) return { key: sharedKey(members), layer: { ...blob, notes: null }, members };
      const record = records.packages.get(only.digest);
      if (record?.digest !== digest) throw this.#unfit();
      return { key: packageKey(only), layer: record, members };
    });
  }

  /** Those that were neither made here nor got before. */
  async #missing(packed: readonly PackedLayer[]): Promise<readonly PackedLayer[]> {
    const { cache } = this.#options;
    const isHere = await mapParallel(packed, concurrency, async (each) => {
      if ((await cache.find(each.key)) !== undefined) return true;
      const path = await this.#kept(each);
      if (path !== undefined) this.#offer(each, path);
      return path !== undefined;
    });
    return packed.filter((_, index) => isHere[index] === false);
  }

  /** Lets layers be where they are. @returns those that are not there */
  async #leave(packed: readonly PackedLayer[], place: KeptPlace): Promise<ReadonlySet<PackedLayer>> {
    const { cache, open, onProgress } = this.#options;
    const requests = packed.map(
      ({ layer }): BlobRequest => ({ descriptor: descriptorOf(layer), diffId: layer.diffId }),
    );
    const present = await place.presentBlobs(requests, this.#contentOptions);
    const lost = packed.filter(({ layer }) => !present.has(layer.digest));
    for (const each of packed) {
      if (lost.includes(each)) continue;
      this.#offer(each, join(cache.folder, keptKey(each.layer)), async () => {
        await using again = open();
        await this.#bring(each, again.place);
      });
    }
    const names = lost.flatMap(({ members }) => members.map(({ name }) => name)).join(', ');
    if (lost.length > 0) {
      onProgress?.({ kind: 'note', text: `${place.name} lacks layers, which are made anew: ${names}` });
    }
    return new Set(lost);
  }

  /** Has this build find a layer. What is known of it the lock says, whichever lock it was got by. */
  #offer({ key, layer }: PackedLayer, path: string, bring?: () => Promise<void>): void {
    this.#options.cache.offer(key, { ...layer, path, bring, isForeign: true });
  }

  /** The file of a layer that was got before. */
  async #kept({ layer }: PackedLayer): Promise<string | undefined> {
    const found = await this.#options.cache.find(keptKey(layer));
    return found?.sizeBytes === layer.sizeBytes ? found.path : undefined;
  }

  /** Gets the file of a layer, if it isn't there yet. */
  async #bring(packed: PackedLayer, place: KeptPlace): Promise<string> {
    const { cache, onProgress } = this.#options;
    const before = await this.#kept(packed);
    if (before !== undefined) return before;
    const { notes, ...blob } = packed.layer;
    const descriptor = descriptorOf(blob);
    const { digest: item, size: totalBytes } = descriptor;
    onProgress?.({ kind: 'start', item, what: `fetch layer ${item}`, totalBytes });
    const content = this.#read(place, descriptor);
    const { path } = await cache.keep(keptKey(blob), content, async () => ({ ...blob, notes: null }));
    onProgress?.({ kind: 'done', item });
    return path;
  }

  async #membersOf(
    { key, members }: PackedLayer,
    { packages: records }: PackageRecords,
  ): Promise<readonly (readonly [Digest, CachedLayer<PackageNotes>])[]> {
    const { cache } = this.#options;
    if (members.length === 1) {
      const layer = await cache.find<PackageNotes>(key);
      return layer === undefined ? [] : members.map(({ digest }) => [digest, layer] as const);
    }
    const bring = async (): Promise<void> => {
      throw this.#unfit();
    };
    return members.map((member) => {
      const record = records.get(member.digest);
      if (record === undefined) throw this.#unfit();
      const path = join(cache.folder, packageKey(member));
      return [member.digest, { ...record, path, bring, isForeign: true }] as const;
    });
  }

  async *#read(place: KeptPlace, descriptor: Descriptor): AsyncGenerator<Uint8Array> {
    const { onProgress } = this.#options;
    for await (const chunk of verified(place.getBlob(descriptor, this.#contentOptions), descriptor)) {
      onProgress?.({ kind: 'advance', item: descriptor.digest, bytes: chunk.byteLength });
      yield chunk;
    }
  }

  async #records(place: KeptPlace, known: LockedBlob): Promise<PackageRecords> {
    const { cache } = this.#options;
    const kept = await readRecords(cache, known);
    if (kept !== undefined) return await parseRecords(kept);
    const packed = await readBlob(place, recordsDescriptor(known), maxRecordsBytes, this.#contentOptions);
    await keepRecords(cache, known.digest, packed);
    return await parseRecords(packed);
  }

  get #contentOptions(): ContentOptions {
    const { signal } = this.#options;
    return signal === undefined ? {} : { signal };
  }

  #unfit(): BuilderError {
    return new BuilderError(
      'LOCK_OUTDATED',
      'the records that img.lock names are not those of its packages',
      {
        hint: 'build once with --no-cache, which makes them anew, and commit the img.lock that this gives',
      },
    );
  }
}

/** Layers that were made elsewhere are kept by what they are: what was made of which package, only a lock says. */
function keptKey({ digest }: LayerBlob): string {
  return `kept/${digestHex(digest)}`;
}

function descriptorOf({ compression, digest, sizeBytes: size }: LayerBlob): Descriptor {
  return { mediaType: mediaTypeOf(compression), digest, size };
}
