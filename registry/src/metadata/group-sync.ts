import { type FileHandle, open } from 'node:fs/promises';

/**
 * Makes what was written to a file durable. Callers that come while a sync is under way share the next one, so
 * many transactions cost one sync, and none of them blocks the event loop.
 */
export class GroupSync {
  readonly #handle: FileHandle;
  #current: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  static async open(path: string): Promise<GroupSync> {
    return new GroupSync(await open(path, 'r'));
  }

  /** Resolves when everything that was written before the call is on the disk. */
  sync(): Promise<void> {
    this.#next ??= this.#current
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        this.#current = this.#handle.datasync();
        return this.#current;
      });
    return this.#next;
  }

  async close(): Promise<void> {
    await this.sync();
    await this.#handle.close();
  }
}
