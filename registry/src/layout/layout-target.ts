import { lstat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Descriptor } from '@img/spec/descriptor';
import type { Digest } from '@img/spec/digest';
import { parseManifest } from '@img/spec/manifest';
import type { Tag } from '@img/spec/tag';
import { verified } from '@img/spec/verified';
import { RegistryError } from '../registry-error.ts';
import { makeFolder } from '../storage/make-folder.ts';
import { writeFileAtomic } from '../storage/write-file-atomic.ts';
import type {
  BlobRequest,
  ContentOptions,
  ContentTarget,
  ManifestContent,
  OpenBlob,
  PutManifestOptions,
} from '../transfer/content.ts';
import { folderFiles } from './layout-files.ts';
import {
  encodeLayoutIndex,
  indexFile,
  markerContent,
  markerFile,
  named,
  nameOf,
  readLayoutIndex,
} from './layout-index.ts';
import { blobPath, LayoutSource } from './layout-source.ts';

/**
 * Writes an OCI image layout into a folder, or adds to the one that is there. One process at a time may write
 * to a layout; readers always see a complete one.
 */
export class LayoutTarget implements ContentTarget {
  readonly name: string;
  readonly #folder: string;
  #entries: readonly Descriptor[];
  #writing: Promise<void> = Promise.resolve();

  private constructor(folder: string, entries: readonly Descriptor[]) {
    this.name = folder;
    this.#folder = folder;
    this.#entries = entries;
  }

  /** @throws RegistryError LAYOUT_INVALID if something else is there */
  static async open(folder: string): Promise<LayoutTarget> {
    const isThere = (await lstat(join(folder, indexFile)).catch(() => undefined)) !== undefined;
    if (isThere) return new LayoutTarget(folder, await readLayoutIndex(folderFiles(folder)));
    await makeFolder(folder);
    await writeFileAtomic(join(folder, indexFile), encodeLayoutIndex([]));
    // The marker comes last, and makes it a layout.
    await writeFileAtomic(join(folder, markerFile), markerContent);
    return new LayoutTarget(folder, []);
  }

  async presentBlobs(requests: readonly BlobRequest[]): Promise<ReadonlySet<Digest>> {
    const present = new Set<Digest>();
    for (const { descriptor } of requests) {
      const found = await lstat(this.#path(descriptor.digest)).catch(() => undefined);
      if (found?.isFile() === true && found.size === descriptor.size) present.add(descriptor.digest);
    }
    return present;
  }

  async putBlob({ descriptor }: BlobRequest, open: OpenBlob, options: ContentOptions = {}): Promise<void> {
    await this.#put(descriptor, open(0, options));
  }

  async putManifest(content: ManifestContent, options: PutManifestOptions = {}): Promise<void> {
    const { descriptor, bytes } = content;
    const { tag, replaces, isRoot = false } = options;
    const { subject } = parseManifest(bytes, descriptor.mediaType);
    await this.#put(descriptor, once(bytes));
    if (tag === undefined && !isRoot && subject === undefined) return;
    await this.#list(descriptor, tag, replaces);
  }

  async getManifest(reference: Tag | Digest): Promise<ManifestContent | undefined> {
    const source = await LayoutSource.open(folderFiles(this.#folder));
    return await source.getManifest(reference);
  }

  async #put(descriptor: Descriptor, content: AsyncIterable<Uint8Array>): Promise<void> {
    const path = this.#path(descriptor.digest);
    await makeFolder(dirname(path));
    await writeFileAtomic(path, verified(content, descriptor));
  }

  /** Changes `index.json`, one change after the other. */
  async #list(
    { mediaType, digest, size }: Descriptor,
    tag: Tag | undefined,
    replaces: Digest | null | undefined,
  ): Promise<void> {
    const before = this.#writing;
    const change = async () => {
      await before.catch(() => undefined);
      if (replaces !== undefined) this.#checkUnmoved(tag, replaces);
      const entry = { mediaType, digest, size };
      const others = this.#entries.filter((other) => {
        return tag === undefined
          ? other.digest !== digest || nameOf(other) !== undefined
          : nameOf(other) !== tag;
      });
      const isListed = tag === undefined && others.some((other) => other.digest === digest);
      const entries = isListed ? others : [...others, tag === undefined ? entry : named(entry, tag)];
      await writeFileAtomic(join(this.#folder, indexFile), encodeLayoutIndex(entries));
      this.#entries = entries;
    };
    this.#writing = change();
    await this.#writing;
  }

  #checkUnmoved(tag: Tag | undefined, replaces: Digest | null): void {
    const found = this.#entries.find((entry) => tag !== undefined && nameOf(entry) === tag);
    if ((found?.digest ?? null) === replaces) return;
    throw new RegistryError('TAG_MOVED', `tag ${tag} of ${this.name} was changed at the same time`);
  }

  #path(digest: Digest): string {
    return join(this.#folder, blobPath(digest));
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
