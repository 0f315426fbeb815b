import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Descriptor } from '@img/spec/descriptor';
import type { Digest } from '@img/spec/digest';
import { namesIn } from '../storage/ignore-missing.ts';
import { makeFolder } from '../storage/make-folder.ts';
import type { ContentOptions, OpenBlob } from '../transfer/content.ts';
import { BlobFiles } from './blob-files.ts';
import { abandonedLeases, Lease, protectedDigests } from './lease.ts';
import { writeBlob } from './write-blob.ts';

// The beginning of a blob is worth keeping as long as somebody may try again.
const partialsMs = 24 * 60 * 60 * 1000;
const partialSuffix = '.partial';

/** What all repositories of an image store share for writing: the blobs and this process's lease. */
export class StoreWriter {
  readonly blobs: BlobFiles;
  readonly #leases: string;
  readonly #partials: string;
  #lease: Promise<Lease> | undefined;
  readonly #writing = new Map<Digest, Promise<void>>();

  constructor(root: string) {
    this.blobs = new BlobFiles(root);
    this.#leases = join(root, 'leases');
    this.#partials = join(root, 'partials');
  }

  /** Opened with the first write, so that looking at a store leaves no trace. */
  async lease(): Promise<Lease> {
    this.#lease ??= this.#openLease();
    return await this.#lease;
  }

  /** Stores a blob if it isn't there; the same one is stored once at a time. */
  async putBlob(descriptor: Descriptor, open: OpenBlob, options: ContentOptions): Promise<void> {
    const { digest } = descriptor;
    for (;;) {
      const other = this.#writing.get(digest);
      if (other === undefined) break;
      await other.catch(() => undefined);
    }
    const writing = this.#putBlob(descriptor, open, options);
    this.#writing.set(digest, writing);
    try {
      await writing;
    } finally {
      this.#writing.delete(digest);
    }
  }

  async protectedDigests(): Promise<ReadonlySet<Digest>> {
    return await protectedDigests(this.#leases);
  }

  /** Cleans up after processes that were killed, and forgets beginnings that nobody came back for. */
  async sweep(): Promise<void> {
    for (const folder of await abandonedLeases(this.#leases)) {
      for (const name of await namesIn(folder)) {
        if (!name.endsWith(partialSuffix)) continue;
        await makeFolder(this.#partials);
        const waiting = join(this.#partials, name.slice(0, -partialSuffix.length));
        // Two sweeps may meet here; one of them wins.
        await rename(join(folder, name), waiting).catch(() => undefined);
      }
      await rm(folder, { recursive: true, force: true });
    }
    for (const name of await namesIn(this.#partials)) {
      const path = join(this.#partials, name);
      const found = await stat(path).catch(() => undefined);
      if (found !== undefined && found.mtimeMs < Date.now() - partialsMs) await rm(path, { force: true });
    }
  }

  async close(): Promise<void> {
    await (await this.#lease)?.[Symbol.asyncDispose]();
    this.#lease = undefined;
  }

  async #openLease(): Promise<Lease> {
    await this.sweep();
    return await Lease.open(this.#leases);
  }

  async #putBlob(descriptor: Descriptor, open: OpenBlob, options: ContentOptions): Promise<void> {
    const lease = await this.lease();
    await lease.protect([descriptor.digest]);
    if (await this.blobs.has(descriptor)) return;
    await writeBlob({ blobs: this.blobs, lease, partials: this.#partials }, descriptor, open, options);
  }
}
