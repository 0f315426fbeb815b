import { join } from 'node:path';
import { ImageStore } from '@img/registry/images/image-store';
import { LayerStore } from './layers/layer-store.ts';
import { RunState, type SweepOptions, type Swept } from './state/run-state.ts';
import { sweepTrees } from './tree/tree-files.ts';
import type { Trust } from './trust/decide.ts';
import { loadTrustPolicy } from './trust/load-trust-policy.ts';
import { SequenceMemory } from './trust/sequence-memory.ts';

export type HostFolders = {
  /** What is kept: usually /var/lib/img. */
  readonly store: string;
  /** What counts until the next boot: usually /run/img. */
  readonly run: string;
  /** Folders of trust documents, by ascending rank. */
  readonly trust: readonly string[];
};

/**
 * What this host has: images, layers, running containers, trust. All folders are absolute; none is created before
 * something is stored. Close it, or bind it with `await using`: until then what it stored or looked for is
 * protected from the garbage collector.
 */
export class Host implements AsyncDisposable {
  readonly images: ImageStore;
  readonly layers: LayerStore;
  readonly state: RunState;
  readonly #folders: HostFolders;

  constructor(folders: HostFolders) {
    this.images = new ImageStore(folders.store);
    this.layers = new LayerStore({ root: folders.store, run: folders.run });
    this.state = new RunState(folders.run);
    this.#folders = folders;
  }

  /**
   * Reads whom this host trusts, as its files say now.
   *
   * @throws as `loadTrustPolicy`
   */
  async trust(): Promise<Trust> {
    const policy = await loadTrustPolicy(this.#folders.trust);
    return { policy, memory: new SequenceMemory(join(this.#folders.store, 'trust')) };
  }

  /**
   * Removes what commands that were killed left behind: containers, and whatever was being made of layers and trees.
   * What goes on is left alone. A command begins with it.
   */
  async sweep(options: SweepOptions = {}): Promise<Swept> {
    const sweeps = [this.state.sweep(options), this.layers.sweep(), sweepTrees(this.layers)] as const;
    const [swept] = await Promise.all(sweeps);
    return swept;
  }

  async close(): Promise<void> {
    await this.images.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
