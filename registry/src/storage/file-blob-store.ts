import { constants } from 'node:fs';
import { type FileHandle, open, opendir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { type BlobKey, isBlobKey } from './blob-key.ts';
import type {
  BlobAppender,
  BlobRange,
  BlobStore,
  FoundUpload,
  StoredBlob,
  UnfinishedBlob,
  UploadState,
} from './blob-store.ts';
import { BlobStoreError } from './blob-store-error.ts';
import { FileBlobAppender } from './file-blob-appender.ts';
import { ignoreMissing } from './ignore-missing.ts';
import { makeFolder } from './make-folder.ts';
import { syncFolder } from './write-file-atomic.ts';
import { writeTo } from './write-to.ts';

/** Read from disk in pieces of this size: large enough for the disk, small enough for many readers. */
const readBytes = 512 * 1024;

/**
 * Keeps each blob as one file, `blobs/<first two characters of the key>/<key>`, and each unfinished one as
 * `uploads/<key>`. A file appears under `blobs/` whole, by a rename that nobody else can race for, because keys are
 * random. Any number of processes may use the same folder.
 */
export class FileBlobStore implements BlobStore {
  readonly name: string;
  readonly #knownShards = new Set<string>();

  private constructor(folder: string) {
    this.name = folder;
  }

  /** Opens the store in a folder, which is made if it isn't there. */
  static async open(folder: string): Promise<FileBlobStore> {
    for (const part of ['blobs', 'uploads']) await makeFolder(join(folder, part));
    return new FileBlobStore(folder);
  }

  async has(key: BlobKey): Promise<boolean> {
    return (await sizeOf(this.#blobPath(key))) !== undefined;
  }

  async get(
    key: BlobKey,
    { offset = 0, length = Number.POSITIVE_INFINITY }: BlobRange = {},
  ): Promise<Readable> {
    const handle = await this.#openBlob(key);
    if (length === 0) {
      await handle.close();
      return Readable.from([]);
    }
    return handle.createReadStream({ start: offset, end: offset + length - 1, highWaterMark: readBytes });
  }

  // One buffer serves the whole blob: allocating one for each piece takes longer than reading it.
  async send(
    key: BlobKey,
    sink: Writable,
    { offset = 0, length = Number.POSITIVE_INFINITY }: BlobRange = {},
  ): Promise<void> {
    const handle = await this.#openBlob(key);
    try {
      const end = Math.min(offset + length, (await handle.stat()).size);
      const buffer = Buffer.allocUnsafeSlow(Math.max(0, Math.min(readBytes, end - offset)));
      for (let position = offset; position < end; ) {
        const wanted = Math.min(buffer.byteLength, end - position);
        const { bytesRead } = await handle.read(buffer, 0, wanted, position);
        if (bytesRead === 0) break;
        await writeTo(sink, buffer.subarray(0, bytesRead));
        position += bytesRead;
      }
    } finally {
      await handle.close();
    }
  }

  async delete(keys: readonly BlobKey[]): Promise<void> {
    await Promise.all(keys.map((key) => rm(this.#blobPath(key), { force: true })));
  }

  async *list(): AsyncGenerator<StoredBlob> {
    for await (const shard of await opendir(join(this.name, 'blobs'))) {
      if (!/^[0-9a-f]{2}$/.test(shard.name)) continue;
      for await (const { name } of await opendir(join(this.name, 'blobs', shard.name))) {
        const sizeBytes = isBlobKey(name) ? await sizeOf(this.#blobPath(name)) : undefined;
        if (sizeBytes !== undefined) yield { key: name as BlobKey, sizeBytes };
      }
    }
  }

  async locate(): Promise<undefined> {
    return undefined;
  }

  async append(key: BlobKey, state: UploadState): Promise<BlobAppender> {
    return new FileBlobAppender(await this.#openUpload(key, state), state.sizeBytes);
  }

  async complete(key: BlobKey, state: UploadState): Promise<void> {
    const shard = await this.#makeShard(key);
    // Perhaps called before, and interrupted before the caller could note it. Where the caller's notes were lost with
    // a power loss, and the upload begun again, what is new counts, and not what was moved before.
    const isMoved =
      (await sizeOf(this.#uploadPath(key))) === undefined &&
      (await sizeOf(this.#blobPath(key))) === state.sizeBytes;
    const handle = isMoved ? await this.#openBlob(key) : await this.#openUpload(key, state);
    try {
      if (!isMoved) await rename(this.#uploadPath(key), this.#blobPath(key));
      // At once, because a file system with a journal writes it for both together.
      await Promise.all([handle.sync(), syncFolder(shard)]);
    } finally {
      await handle.close();
    }
  }

  async discard(blobs: readonly UnfinishedBlob[]): Promise<void> {
    for (const { key } of blobs) {
      await rm(this.#uploadPath(key), { force: true });
      await rm(this.#blobPath(key), { force: true });
    }
  }

  async *listUploads(): AsyncGenerator<FoundUpload> {
    for await (const { name } of await opendir(join(this.name, 'uploads'))) {
      if (!isBlobKey(name)) continue;
      const stats = await stat(this.#uploadPath(name)).catch(ignoreMissing);
      if (stats !== undefined) yield { key: name, notes: '', begunAt: stats.mtimeMs };
    }
  }

  async abandon({ key }: FoundUpload): Promise<void> {
    await rm(this.#uploadPath(key), { force: true });
  }

  async #openBlob(key: BlobKey): Promise<FileHandle> {
    const handle = await open(this.#blobPath(key), constants.O_RDONLY).catch(ignoreMissing);
    if (handle === undefined) throw new BlobStoreError('BLOB_MISSING', `no blob ${key} in ${this.name}`);
    return handle;
  }

  async #openUpload(key: BlobKey, { sizeBytes }: UploadState): Promise<FileHandle> {
    // Only an upload at its beginning may make its file: later, a missing file means missing bytes.
    const flags = sizeBytes === 0 ? constants.O_RDWR | constants.O_CREAT : constants.O_RDWR;
    const handle = await open(this.#uploadPath(key), flags, 0o600).catch(ignoreMissing);
    if (handle === undefined) throw new BlobStoreError('UPLOAD_MISSING', `no upload ${key} in ${this.name}`);
    try {
      const stored = (await handle.stat()).size;
      if (stored < sizeBytes) {
        throw new BlobStoreError(
          'UPLOAD_MISSING',
          `upload ${key} in ${this.name} has ${stored} bytes instead of ${sizeBytes}`,
        );
      }
      if (stored > sizeBytes) await handle.truncate(sizeBytes);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return handle;
  }

  async #makeShard(key: BlobKey): Promise<string> {
    const shard = join(this.name, 'blobs', key.slice(0, 2));
    if (!this.#knownShards.has(shard)) {
      await makeFolder(shard);
      // Another process may have made it and died before its name was durable.
      await syncFolder(dirname(shard));
      this.#knownShards.add(shard);
    }
    return shard;
  }

  #blobPath(key: BlobKey): string {
    return join(this.name, 'blobs', key.slice(0, 2), key);
  }

  #uploadPath(key: BlobKey): string {
    return join(this.name, 'uploads', key);
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(ignoreMissing))?.size;
}
