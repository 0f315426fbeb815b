import { existsSync, lstatSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CollectedStore } from '@img/registry/images/collect-garbage';
import { storedBytes } from '@img/registry/storage/stored-bytes';
import type { Digest } from '@img/spec/digest';
import { RuntimeError } from '../runtime-error.ts';
import {
  type CheckedLayer,
  type CheckLayerOptions,
  checkLayer,
  isSound,
  readCheckedIndex,
} from './check-layer.ts';
import { hiddenPath, hideFile, listHidden, showFile } from './hide-file.ts';
import type { LayerIndex } from './index-reader.ts';
import { digestsOf, type LayerPlace, layerPlace } from './layer-place.ts';
import type { LayerContent, PutLayerOptions } from './put-layer.ts';
import { Stamps } from './stamps.ts';
import { sweepTemporaries } from './temporary.ts';

export type LayerStoreFolders = {
  /** What is kept: usually /var/lib/img. */
  readonly root: string;
  /** What counts until the next boot: usually /run/img. */
  readonly run: string;
};

// Collectors hide and show files while others check them; none does so for ever.
const maxRounds = 5;
const betweenRoundsMs = 2;

/**
 * The layers on this host: each as one uncompressed archive, `layers/<diffID>.tar`, as its diffID says byte for
 * byte, and an index of what is in it, `layers/<diffID>.index`. No file of a layer is ever created. Layers are
 * shared by all images that have them.
 *
 * Everything is safe against other processes doing the same, and against being killed.
 */
export class LayerStore implements CollectedStore {
  /** Where other parts of the host's store are. */
  readonly folders: LayerStoreFolders;
  readonly stamps: Stamps;
  readonly #folder: string;

  constructor(folders: LayerStoreFolders) {
    this.folders = folders;
    this.stamps = new Stamps(join(folders.run, 'stamps'));
    this.#folder = join(folders.root, 'layers');
  }

  /** Whether the layer is there; its content is checked when it is used. */
  async has(diffId: Digest): Promise<boolean> {
    const { archivePath, indexPath } = this.#place(diffId);
    return [archivePath, indexPath].every((path) => isFile(path));
  }

  /**
   * Takes in a layer as it comes from a registry: checks its digest and size, decompresses it, checks the diffID,
   * indexes it, and commits it only if all of it is right. Nothing is read if the layer is there already, unless
   * it was changed: then it is replaced.
   *
   * @throws RuntimeError LAYER_MISMATCH, ARCHIVE_*, ENTRY_*, STORE_FULL; SpecError CONTENT_*; RegistryError for
   *   what can't be decompressed; and what the source throws
   */
  async put(
    content: LayerContent,
    source: AsyncIterable<Uint8Array>,
    options: PutLayerOptions = {},
  ): Promise<void> {
    if (await this.isSound(content.diffId, options)) return;
    // Only here, because most starts bring no layer, and loading takes longer than a start may.
    const { putLayer } = await import('./put-layer.ts');
    await putLayer(this.#place(content.diffId), content, source, options);
  }

  /**
   * Makes sure that a layer is what its diffID says: by its stamp of this boot, else, or if asked to, by hashing all
   * of it. One that a collector has hidden, before it knew that it is needed, is shown again.
   *
   * @throws RuntimeError LAYER_MISSING, LAYER_DAMAGED
   */
  async check(diffId: Digest, options: CheckLayerOptions = {}): Promise<CheckedLayer> {
    for (let round = 1; ; round += 1) {
      try {
        return await checkLayer(this.#place(diffId), options);
      } catch (error) {
        const isMissing = error instanceof RuntimeError && error.code === 'LAYER_MISSING';
        if (!isMissing || round > maxRounds) throw error;
        if (!(await this.#bringBack(diffId, round === maxRounds))) throw error;
      }
    }
  }

  /**
   * Whether the layer is there and, as `check` finds it, what its diffID says.
   *
   * @throws what `check` throws of a layer that is neither missing nor damaged
   */
  isSound(diffId: Digest, options: { readonly signal?: AbortSignal } = {}): Promise<boolean> {
    return isSound(this.#place(diffId), options);
  }

  /**
   * The index of a layer that was checked.
   *
   * @throws RuntimeError LAYER_DAMAGED
   */
  readIndex(layer: CheckedLayer): LayerIndex {
    return readCheckedIndex(layer);
  }

  /** Removes a layer; nothing happens if it is not there. Trees that are mounted go on to work. */
  async remove(diffId: Digest): Promise<void> {
    const { archivePath, indexPath, stampName } = this.#place(diffId);
    // The index goes first: without it the layer counts as absent.
    await rm(indexPath, { force: true });
    await rm(archivePath, { force: true });
    this.stamps.remove(stampName);
  }

  /** The diffIDs of all layers, sorted. */
  async list(): Promise<readonly Digest[]> {
    const names = await this.#names();
    const complete = names.filter((name) => names.includes(name.replace(/index$/, 'tar')));
    return digestsOf(complete.flatMap((name) => (name.endsWith('.index') ? [name.slice(0, -6)] : [])));
  }

  async hide(diffId: Digest): Promise<void> {
    const { archiveName, indexName, stampName } = this.#place(diffId);
    // The archive goes first and comes back last: what `sweep` would remove is an archive without its index.
    await hideFile(this.#folder, archiveName);
    await hideFile(this.#folder, indexName);
    this.stamps.remove(stampName);
  }

  async show(diffId: Digest): Promise<void> {
    const { archiveName, indexName } = this.#place(diffId);
    await showFile(this.#folder, indexName);
    await showFile(this.#folder, archiveName);
  }

  async listHidden(): Promise<readonly Digest[]> {
    const names = await listHidden(this.#folder);
    return digestsOf(names.map((name) => name.replace(/\.(?:tar|index)$/, '')));
  }

  async removeHidden(diffId: Digest): Promise<void> {
    const { archiveName, indexName } = this.#place(diffId);
    for (const name of [archiveName, indexName]) await rm(hiddenPath(this.#folder, name), { force: true });
  }

  async sizeBytes(diffId: Digest): Promise<number> {
    const { archiveName, indexName } = this.#place(diffId);
    const paths = [archiveName, indexName].flatMap((name) => {
      return [join(this.#folder, name), hiddenPath(this.#folder, name)];
    });
    return (await Promise.all(paths.map(storedBytes))).reduce((sum, size) => sum + size, 0);
  }

  /**
   * Removes what killed processes left: unfinished files, and archives that never got their index.
   *
   * @returns the names of the files that were removed
   */
  async sweep(): Promise<readonly string[]> {
    return sweepTemporaries(this.#folder, (name) => {
      return name.endsWith('.tar') && !existsSync(join(this.#folder, name.replace(/tar$/, 'index')));
    });
  }

  // False if it is nowhere. What a collector is about to remove is removed or comes back, each file for itself.
  async #bringBack(diffId: Digest, isLast: boolean): Promise<boolean> {
    const { archiveName, indexName } = this.#place(diffId);
    const [isArchiveHidden, isIndexHidden] = [archiveName, indexName].map((name) => {
      return existsSync(hiddenPath(this.#folder, name));
    });
    // While only the archive is hidden, a collector is about to hide the index, or was killed then. If the archive came
    // back in between, a sweep would take it for one that never got its index.
    if (isIndexHidden || isLast) await this.show(diffId);
    else await delay(betweenRoundsMs);
    return isArchiveHidden || isIndexHidden || (await this.has(diffId));
  }

  #place(diffId: Digest): LayerPlace {
    return layerPlace(this.#folder, diffId, this.stamps);
  }

  async #names(): Promise<readonly string[]> {
    try {
      return await readdir(this.#folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }
}

function isFile(path: string): boolean {
  try {
    return lstatSync(path).isFile();
  } catch {
    return false;
  }
}
