import { readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '@img/registry/storage/make-folder';
import { temporaryPrefix, writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import { digestOf } from '@img/spec/digest';
import { type LayerBlob, writeLayer } from './write-layer.ts';

/** A layer as a file. */
export type LayerFile = LayerBlob & {
  readonly path: string;
  /** Of a layer that is elsewhere: gets the file. Whoever reads it calls this first. */
  readonly bring?: (() => Promise<void>) | undefined;
  /** Whether it was made elsewhere: a lock vouches for it, so nothing is made of it that builds by other locks find. */
  readonly isForeign?: boolean;
};

/** A layer in the cache, and what was noted of it when it was made. */
export type CachedLayer<Notes = unknown> = LayerFile & { readonly notes: Notes };

type PutOptions<Notes> = {
  readonly compression: LayerBlob['compression'];
  readonly notes: Notes;
  readonly signal?: AbortSignal | undefined;
};

// Part of every key; a new number when records get another form.
const format = 'layers-2';

/** What is lost in a power loss is made again; but a record must not be there without its layer. */
const cached = { durability: 'content' } as const;

const dayMs = 24 * 60 * 60 * 1000;

/**
 * Layers that were made before, each under a key that says everything it is made of. The folder may be shared
 * between processes and removed at any time. A record is written after its layer, so what has a record is
 * whole; whoever reads a layer checks its digest all the same, since disks and people change files.
 */
export class LayerCache {
  /** On a disk with room for what packages unpack to; also for whatever is needed while layers are made. */
  readonly folder: string;
  /** Whether only what is put in from now on is found, so that everything is made again. */
  readonly isFresh: boolean;
  readonly #made = new Set<string>();
  readonly #elsewhere = new Map<string, CachedLayer>();

  constructor(folder: string, { isFresh = false }: { readonly isFresh?: boolean } = {}) {
    this.folder = join(folder, format);
    this.isFresh = isFresh;
  }

  /** @param key path of the layer below the cache's folder */
  async find<Notes>(key: string): Promise<CachedLayer<Notes> | undefined> {
    const path = join(this.folder, key);
    return (await this.#read<Notes>(path)) ?? (this.#elsewhere.get(path) as CachedLayer<Notes> | undefined);
  }

  /** Has a layer found under a key, as long as this is there and none was made of it: other builds don't find it. */
  offer(key: string, layer: CachedLayer): void {
    this.#elsewhere.set(join(this.folder, key), layer);
  }

  async #read<Notes>(path: string): Promise<CachedLayer<Notes> | undefined> {
    if (this.isFresh && !this.#made.has(path)) return undefined;
    try {
      const [digest, json = ''] = (await readFile(`${path}.record`, 'utf8')).split('\n');
      if (digest !== digestOf(Buffer.from(json))) return undefined;
      const record = JSON.parse(json) as CachedLayer<Notes>;
      return (await stat(path)).size === record.sizeBytes ? { ...record, path } : undefined;
    } catch {
      // It isn't there, or spoilt in a way that making it again repairs.
      return undefined;
    }
  }

  /** Makes a layer of a tar and keeps it with its notes; the signal stops it at any piece of the tar. */
  async put<Notes>(
    key: string,
    tar: AsyncIterable<Uint8Array>,
    { compression, notes, signal }: PutOptions<Notes>,
  ): Promise<CachedLayer<Notes>> {
    const path = join(this.folder, key);
    const layer = await writeLayer(tar, path, compression, { ...cached, signal });
    return await this.#record(path, { ...layer, notes });
  }

  /**
   * Keeps a layer that was made elsewhere, byte for byte.
   *
   * @param describe looks through the file; if it throws, the file is removed
   */
  async keep<Notes>(
    key: string,
    bytes: AsyncIterable<Uint8Array>,
    describe: (path: string) => Promise<LayerBlob & { readonly notes: Notes }>,
  ): Promise<CachedLayer<Notes>> {
    const path = join(this.folder, key);
    await makeFolder(dirname(path), 0o755);
    await writeFileAtomic(path, bytes, cached);
    try {
      return await this.#record(path, await describe(path));
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }

  async #record<Notes>(
    path: string,
    layer: LayerBlob & { readonly notes: Notes },
  ): Promise<CachedLayer<Notes>> {
    const json = JSON.stringify(layer);
    // Notes decide what an image becomes, so a damaged record must not pass for a good one.
    await writeFileAtomic(`${path}.record`, `${digestOf(Buffer.from(json))}\n${json}`, cached);
    this.#made.add(path);
    return { ...layer, path };
  }

  /**
   * Removes what writers left that were killed; they need not more than a day for a layer, nor does anybody look more
   * often: a cache has many files.
   */
  async sweep(now: Date): Promise<void> {
    const stamp = join(this.folder, 'swept');
    const last = await stat(stamp).catch(() => undefined);
    // A time to come is that of a clock that was wrong.
    if (last !== undefined && Math.abs(now.getTime() - last.mtimeMs) < dayMs) return;
    const files = await readdir(this.folder, { recursive: true, withFileTypes: true }).catch(() => []);
    for (const file of files) {
      if (!file.isFile() || !file.name.startsWith(temporaryPrefix)) continue;
      const path = join(file.parentPath, file.name);
      const status = await stat(path).catch(() => undefined);
      if (status !== undefined && now.getTime() - status.mtimeMs > dayMs) await rm(path, { force: true });
    }
    await makeFolder(this.folder, 0o755);
    await writeFile(stamp, '');
    await utimes(stamp, now, now);
  }

  /** Forgets a layer, so that it is made again when it is wanted. */
  async remove({ path }: LayerFile): Promise<void> {
    await rm(`${path}.record`, { force: true });
    await rm(path, { force: true });
  }
}
