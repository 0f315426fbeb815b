import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Digest } from '@img/spec/digest';
import type { Tag } from '@img/spec/tag';
import { temporaryPrefix, writeFileAtomic } from '../storage/write-file-atomic.ts';
import type {
  BlobRequest,
  ContentOptions,
  ContentTarget,
  ManifestContent,
  OpenBlob,
  PutManifestOptions,
} from '../transfer/content.ts';
import { folderFiles } from './layout-files.ts';
import { indexFile, markerFile } from './layout-index.ts';
import { LayoutTarget } from './layout-target.ts';
import { blockBytes, encodeTarHeader } from './tar-header.ts';

/**
 * Writes an OCI image layout as one tar archive (oci-archive). The archive appears, complete, with `commit`;
 * until then everything is in a folder beside it, which is gone when this is closed. The same images always
 * make the same bytes.
 */
export class ArchiveTarget implements ContentTarget, AsyncDisposable {
  readonly name: string;
  readonly #path: string;
  readonly #folder: string;
  readonly #layout: LayoutTarget;

  private constructor(path: string, folder: string, layout: LayoutTarget) {
    this.name = path;
    this.#path = path;
    this.#folder = folder;
    this.#layout = layout;
  }

  static async create(path: string): Promise<ArchiveTarget> {
    const name = `${temporaryPrefix}${basename(path)}-${randomBytes(6).toString('hex')}`;
    const folder = join(dirname(path), name);
    return new ArchiveTarget(path, folder, await LayoutTarget.open(folder));
  }

  async presentBlobs(requests: readonly BlobRequest[]): Promise<ReadonlySet<Digest>> {
    return await this.#layout.presentBlobs(requests);
  }

  async putBlob(request: BlobRequest, open: OpenBlob, options?: ContentOptions): Promise<void> {
    await this.#layout.putBlob(request, open, options);
  }

  async putManifest(content: ManifestContent, options?: PutManifestOptions): Promise<void> {
    await this.#layout.putManifest(content, options);
  }

  async getManifest(reference: Tag | Digest): Promise<ManifestContent | undefined> {
    return await this.#layout.getManifest(reference);
  }

  /** Writes the archive; what was there before is replaced. */
  async commit({ signal }: ContentOptions = {}): Promise<void> {
    await writeFileAtomic(this.#path, this.#packed(signal), { temporaryFolder: this.#folder });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async *#packed(signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    const files = folderFiles(this.#folder);
    for (const path of await this.#paths()) {
      const size = (await files.size(path)) ?? 0;
      yield encodeTarHeader(path, size);
      for await (const chunk of files.read(path, 0)) {
        signal?.throwIfAborted();
        yield chunk;
      }
      yield new Uint8Array((blockBytes - (size % blockBytes)) % blockBytes);
    }
    yield new Uint8Array(2 * blockBytes);
  }

  async #paths(): Promise<readonly string[]> {
    const blobs = join(this.#folder, 'blobs');
    const found = await readdir(blobs, { recursive: true, withFileTypes: true }).catch(() => []);
    const paths = found.flatMap((entry) => {
      return entry.isFile() ? [join(entry.parentPath, entry.name).slice(this.#folder.length + 1)] : [];
    });
    // Readers that stream find out first what it is.
    return [markerFile, indexFile, ...paths.toSorted()];
  }
}
