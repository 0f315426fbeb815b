import { join } from 'node:path';
import type { Garbage } from '@img/registry/images/collect-garbage';
import { type CollectOptions, ImageStore } from '@img/registry/images/image-store';
import type { Digest } from '@img/spec/digest';
import { AppStore } from './apps/app-store.ts';
import { ApplyTurn, type ApplyTurnOptions } from './apps/apply-turn.ts';
import { lockApp } from './apps/lock-app.ts';
import { LayerStore } from './layers/layer-store.ts';
import type { PlatformImage } from './read-image.ts';
import type { ContainerName } from './state/container-name.ts';
import { RunState, type SweepOptions, type Swept } from './state/run-state.ts';
import type { TreeRequest } from './tree/prepare-tree.ts';
import type { TreeMethod } from './tree/tree.ts';
import { collectedTrees, sweepTrees } from './tree/tree-files.ts';
import type { Trust } from './trust/decide.ts';
import { loadTrustPolicy } from './trust/load-trust-policy.ts';
import { SequenceMemory } from './trust/sequence-memory.ts';

export type HostOptions = {
  /** How trees are shown; the best that this host can do unless given. */
  readonly treeMethod?: TreeMethod;
};

export type HostFolders = {
  /** What is kept: usually /var/lib/img. */
  readonly store: string;
  /** What counts until the next boot: usually /run/img. */
  readonly run: string;
  /** Folders of trust documents, by ascending rank. */
  readonly trust: readonly string[];
  /** Where the administrator describes networks: usually /etc/img/net.d. */
  readonly networks?: string;
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
  readonly apps: AppStore;
  readonly treeMethod: TreeMethod | undefined;
  readonly #folders: HostFolders;
  readonly #memory: SequenceMemory;
  #areContainersSwept = false;

  constructor(folders: HostFolders, { treeMethod }: HostOptions = {}) {
    this.images = new ImageStore(folders.store);
    this.layers = new LayerStore({ root: folders.store, run: folders.run });
    this.state = new RunState(
      folders.run,
      folders.networks === undefined ? {} : { networkFolder: folders.networks },
    );
    this.apps = new AppStore(join(folders.store, 'apps'));
    this.treeMethod = treeMethod;
    this.#folders = folders;
    this.#memory = new SequenceMemory(join(folders.store, 'trust'));
  }

  /** What is kept: usually /var/lib/img. */
  get storeFolder(): string {
    return this.#folders.store;
  }

  /** Lets nobody else change an app until it is disposed of. @throws RuntimeError APP_BUSY */
  async lockApp(name: ContainerName): Promise<AsyncDisposable> {
    return await lockApp(join(this.#folders.run, 'apps'), name);
  }

  /** Waits until nobody else applies a folder. @throws the signal's reason */
  async applyTurn(folder: string, options: ApplyTurnOptions = {}): Promise<ApplyTurn> {
    return await ApplyTurn.take(join(this.#folders.run, 'apps'), folder, options);
  }

  /** What makes or checks the tree of an image here. */
  treeRequest({ digest, config }: PlatformImage, signal: AbortSignal | undefined): TreeRequest {
    return {
      store: this.layers,
      manifest: digest,
      layers: config.diffIds,
      ...(this.treeMethod === undefined ? {} : { method: this.treeMethod }),
      ...(signal === undefined ? {} : { signal }),
    };
  }

  /**
   * Reads whom this host trusts, as its files say now.
   *
   * @throws as `loadTrustPolicy`
   */
  async trust(): Promise<Trust> {
    const policy = await loadTrustPolicy(this.#folders.trust);
    return { policy, memory: this.#memory };
  }

  /** The part of {@link sweep} that is about containers, which the next one of those then leaves out. */
  async sweepContainers(options: SweepOptions = {}): Promise<Swept> {
    const swept = await this.state.sweep(options);
    this.#areContainersSwept = true;
    return swept;
  }

  /**
   * Removes what commands that were killed left behind: containers, and whatever was being stored.
   * What goes on is left alone. A command begins with it.
   */
  async sweep(options: SweepOptions = {}): Promise<Swept> {
    const areContainersSwept = this.#areContainersSwept;
    this.#areContainersSwept = false;
    const [swept] = await Promise.all([
      areContainersSwept ? { swept: [], stuck: [] } : this.state.sweep(options),
      this.layers.sweep(),
      sweepTrees(this.layers),
      this.images.sweep(),
      this.#memory.sweep(),
    ]);
    return swept;
  }

  /**
   * Removes everything that no image, no running container and no installed app needs, and what killed commands left of
   * layers and trees. What this host was opened for is protected until it is closed.
   *
   * @returns the digests of what was removed
   * @throws RegistryError CONTENT_CORRUPT, STORE_INVALID, removing nothing, if a manifest is damaged
   */
  async collectGarbage(): Promise<readonly Digest[]> {
    await Promise.all([this.layers.sweep(), sweepTrees(this.layers)]);
    return await this.images.collectGarbage(await this.#collected());
  }

  /** What {@link collectGarbage} would remove now, without what killed commands left. @throws as it does */
  async findGarbage(): Promise<readonly Garbage[]> {
    return await this.images.findGarbage(await this.#collected());
  }

  async #collected(): Promise<CollectOptions> {
    return {
      roots: [...this.state.list(), ...(await this.apps.allGenerations())].map(({ digest }) => digest),
      stores: [this.layers, collectedTrees(this.layers)],
    };
  }

  async close(): Promise<void> {
    await this.images.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
