import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Digest } from '@img/spec/digest';
import type { Tag } from '@img/spec/tag';
import tar from 'tar-stream';
import { syncFolder, temporaryPrefix } from '../storage/write-file-atomic.ts';
import type {
  BlobRequest,
  ContentOptions,
  ContentTarget,
  ManifestContent,
  OpenBlob,
  PutManifestOptions,
} from '../transfer/content.ts';
import { indexFile, markerFile } from './layout-index.ts';
import { LayoutTarget } from './layout-target.ts';

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
    const packed = join(this.#folder, 'packed.tar');
    const handle = await open(packed, 'wx');
    try {
      const pack = tar.pack();
      const writing = pipeline(
        pack,
        handle.createWriteStream({ autoClose: false }),
        signal === undefined ? {} : { signal },
      );
      // A failure to write ends the pack as well, and with it the loop below.
      writing.catch(() => undefined);
      for (const path of await this.#files()) await addFile(pack, join(this.#folder, path), path);
      pack.finalize();
      await writing;
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(packed, this.#path);
    await syncFolder(dirname(this.#path));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #files(): Promise<readonly string[]> {
    const blobs = await readdir(join(this.#folder, 'blobs'), { recursive: true, withFileTypes: true });
    const paths = blobs
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => {
        return join(parentPath, name).slice(this.#folder.length + 1);
      });
    // Readers that stream find out first what it is.
    return [markerFile, indexFile, ...paths.toSorted()];
  }
}

async function addFile(pack: tar.Pack, path: string, name: string): Promise<void> {
  const { size } = await stat(path);
  // Every field is given, because the package fills in the present time and the like.
  const header = {
    name,
    size,
    mode: 0o644,
    uid: 0,
    gid: 0,
    uname: '',
    gname: '',
    mtime: new Date(0),
    type: 'file',
  } as const;
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), pack.entry(header));
}
