import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '@img/registry/storage/make-folder';
import { writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import type { ContentOptions, ContentSource } from '@img/registry/transfer/content';
import { readBlob } from '@img/registry/transfer/read-blob';
import type { Descriptor } from '@img/spec/descriptor';
import { type Digest, digestAlgorithm, digestHex, digestOf } from '@img/spec/digest';
import { parseImageManifest } from '@img/spec/manifest';
import type { ProgressListener } from '@img/spec/progress';
import { verified } from '@img/spec/verified';
import { BuilderError } from '../builder-error.ts';
import type { DebianPackage } from '../debian/package.ts';
import { mediaTypeOf } from '../image/encode-image.ts';
import type { CachedLayer, LayerCache } from '../layers/layer-cache.ts';
import { type PackageNotes, packageKey } from '../layers/package-layers.ts';
import { sharedKey } from '../layers/shared-layer.ts';
import type { LayerBlob } from '../layers/write-layer.ts';
import type { PlatformLock } from '../lock/image-lock.ts';
import { mapParallel } from '../map-parallel.ts';
import { type KeptRecords, keptMediaTypes, parseRecords } from './kept-artifact.ts';

/** Where an artifact is; closed when everything was read. */
export type OpenKept = () => ContentSource & AsyncDisposable;

export type KeptPackagesOptions = {
  readonly cache: LayerCache;
  readonly open: OpenKept;
  readonly onProgress?: ProgressListener | undefined;
  readonly signal?: AbortSignal | undefined;
};

const maxRecordsBytes = 64 * 1024 * 1024;
const concurrency = 4;

/** The packages that a lock names and `keepPackages` has stored. What it reads is checked against the lock. */
export class KeptPackages {
  readonly #digest: Digest;
  readonly #locked: PlatformLock;
  readonly #options: KeptPackagesOptions;

  constructor(digest: Digest, locked: PlatformLock, options: KeptPackagesOptions) {
    this.#digest = digest;
    this.#locked = locked;
    this.#options = options;
  }

  /**
   * Gets the layers that an image has of the locked packages, so that no package is needed. Those that share a layer
   * have no file of their own.
   *
   * @returns undefined if these are not the locked packages
   * @throws BuilderError LOCK_OUTDATED; what the source throws
   */
  async layers(
    packages: readonly DebianPackage[],
  ): Promise<ReadonlyMap<Digest, CachedLayer<PackageNotes>> | undefined> {
    const locked = this.#locked.packages;
    if (
      packages.length !== locked.length ||
      packages.some(({ digest }, index) => locked[index]?.digest !== digest)
    ) {
      return undefined;
    }
    const { cache, open } = this.#options;
    await using source = open();
    const { packages: records, layers } = await this.#records(source);
    const byName = new Map(packages.map((each) => [each.name, each]));
    const found = new Map<Digest, CachedLayer<PackageNotes>>(
      [...records].map(([digest, record]) => [
        digest,
        { ...record, path: join(cache.folder, 'kept', 'shared') },
      ]),
    );
    await mapParallel(this.#locked.layers, concurrency, async ({ digest, packages: names }) => {
      const blob = layers.find((each) => each.digest === digest);
      const members = names.flatMap((name) => byName.get(name) ?? []);
      const [only] = members;
      if (blob === undefined || only === undefined) throw this.#unfit();
      if (members.length > 1) {
        await this.#layer(sharedKey(members), { ...blob, notes: null }, source);
        return;
      }
      const record = records.get(only.digest);
      if (record === undefined) throw this.#unfit();
      found.set(only.digest, await this.#layer(packageKey(only), record, source));
    });
    return found;
  }

  /**
   * Gets packages into files, for example those that no mirror has any more.
   *
   * @throws what the source throws
   */
  async fetch(packages: readonly DebianPackage[], pathOf: (wanted: DebianPackage) => string): Promise<void> {
    const { onProgress } = this.#options;
    await using source = this.#options.open();
    await mapParallel(packages, concurrency, async (wanted) => {
      const { name, version, digest, size } = wanted;
      const descriptor = { mediaType: keptMediaTypes.package, digest, size };
      onProgress?.({ kind: 'start', item: digest, what: `${name} ${version}`, totalBytes: size });
      await writeFileAtomic(pathOf(wanted), this.#read(source, descriptor));
      onProgress?.({ kind: 'done', item: digest });
    });
  }

  /** A layer from the cache, or from the source. */
  async #layer<Notes>(
    key: string,
    layer: LayerBlob & { readonly notes: Notes },
    source: ContentSource,
  ): Promise<CachedLayer<Notes>> {
    const { cache, onProgress } = this.#options;
    const { digest, sizeBytes: size, compression } = layer;
    const found = await cache.find<Notes>(key);
    if (found !== undefined) return found;
    onProgress?.({ kind: 'start', item: digest, what: `fetch layer ${digest}`, totalBytes: size });
    const descriptor = { mediaType: mediaTypeOf(compression), digest, size };
    const kept = await cache.keep(key, this.#read(source, descriptor), async () => layer);
    onProgress?.({ kind: 'done', item: digest });
    return kept;
  }

  async *#read(source: ContentSource, descriptor: Descriptor): AsyncGenerator<Uint8Array> {
    const { onProgress } = this.#options;
    for await (const chunk of verified(source.getBlob(descriptor, this.#contentOptions), descriptor)) {
      onProgress?.({ kind: 'advance', item: descriptor.digest, bytes: chunk.byteLength });
      yield chunk;
    }
  }

  async #records(source: ContentSource): Promise<KeptRecords> {
    const { layers } = parseImageManifest(await this.#remembered(this.#digest, () => this.#manifest(source)));
    const [first] = layers;
    if (first?.mediaType !== keptMediaTypes.records) throw this.#unfit();
    const packed = await this.#remembered(first.digest, () => {
      return readBlob(source, first, maxRecordsBytes, this.#contentOptions);
    });
    return await parseRecords(packed);
  }

  async #manifest(source: ContentSource): Promise<Uint8Array> {
    const content = await source.getManifest(this.#digest, this.#contentOptions);
    if (content !== undefined) return content.bytes;
    throw new BuilderError('LOCK_OUTDATED', `${source.name} has no ${this.#digest}, which img.lock names`, {
      hint: 'keep the packages again with img lock --keep',
    });
  }

  /** Small content from the cache, or read and kept there. */
  async #remembered(digest: Digest, read: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const path = join(this.#options.cache.folder, 'kept', digestHex(digest));
    const found = await readFile(path).catch(() => undefined);
    if (found !== undefined && digestOf(found, digestAlgorithm(digest)) === digest) return found;
    const bytes = await read();
    await makeFolder(dirname(path), 0o755);
    await writeFileAtomic(path, bytes);
    return bytes;
  }

  get #contentOptions(): ContentOptions {
    const { signal } = this.#options;
    return signal === undefined ? {} : { signal };
  }

  #unfit(): BuilderError {
    return new BuilderError('LOCK_OUTDATED', `what is kept under ${this.#digest} is not what img.lock says`, {
      hint: 'keep the packages again with img lock --keep',
    });
  }
}
