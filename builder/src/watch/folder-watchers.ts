import { type FSWatcher, watch } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';

type Watched = { readonly watcher: FSWatcher; readonly identity: string };

/** Notices that something happens in folders; what it was, whoever asks has to find out. */
export class FolderWatchers implements Disposable {
  readonly #watchers = new Map<string, Watched>();
  #happened = false;
  #wake: (() => void) | undefined;

  /**
   * Watches these folders, and no other any more. Those that are not there any more are left out.
   *
   * @param folders paths, and what tells a folder from a later one of the same name
   * @returns whether there is one among them that wasn't watched before
   * @throws BuilderError WATCH_FAILED if the system can't watch so many
   */
  watch(folders: ReadonlyMap<string, string>): boolean {
    for (const [folder, { identity }] of this.#watchers) {
      if (folders.get(folder) !== identity) this.#drop(folder);
    }
    const added = [...folders].filter(([folder]) => !this.#watchers.has(folder));
    for (const [folder, identity] of added) this.#add(folder, identity);
    return added.length > 0;
  }

  #add(folder: string, identity: string): void {
    try {
      const watcher = watch(folder, () => this.#notice());
      watcher.on('error', () => this.#notice());
      this.#watchers.set(folder, { watcher, identity });
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return;
      throw new BuilderError('WATCH_FAILED', `can't watch ${quote(folder)}: ${(cause as Error).message}`, {
        cause,
        hint: 'name in .imgignore what need not be watched, or allow more: sysctl fs.inotify.max_user_watches',
      });
    }
  }

  #drop(folder: string): void {
    this.#watchers.get(folder)?.watcher.close();
    this.#watchers.delete(folder);
  }

  #notice(): void {
    this.#happened = true;
    this.#wake?.();
  }

  /**
   * Waits until something has happened since the last call, and then until nothing has for a while.
   *
   * @throws the reason of the signal
   */
  async next({ settleMs, mostMs, signal }: SettleOptions): Promise<void> {
    await this.#somethingHappens(signal);
    const end = performance.now() + mostMs;
    do {
      this.#happened = false;
      await setTimeout(settleMs, undefined, { signal }).catch(() => signal?.throwIfAborted());
    } while (this.#happened && performance.now() < end);
    this.#happened = false;
  }

  async #somethingHappens(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#happened) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    this.#wake = wake;
    signal?.addEventListener('abort', wake, { once: true });
    // A process that waits lives on, also where the system has nothing left to watch.
    const alive = setInterval(() => undefined, 60_000);
    try {
      await promise;
    } finally {
      clearInterval(alive);
      this.#wake = undefined;
      signal?.removeEventListener('abort', wake);
    }
    signal?.throwIfAborted();
  }

  [Symbol.dispose](): void {
    for (const { watcher } of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }
}

export type SettleOptions = {
  /** How long nothing must happen. */
  readonly settleMs: number;
  /** How long it is waited for that at most. */
  readonly mostMs: number;
  readonly signal?: AbortSignal | undefined;
};
