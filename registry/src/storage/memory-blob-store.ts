import { Readable, type Writable } from 'node:stream';
import type { BlobKey } from './blob-key.ts';
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
import { writeTo } from './write-to.ts';

/** Keeps blobs in memory: for tests and for registries that may forget. */
export class MemoryBlobStore implements BlobStore {
  readonly name = 'memory';
  readonly #blobs = new Map<BlobKey, Uint8Array>();
  readonly #uploads = new Map<BlobKey, Uint8Array>();

  async has(key: BlobKey): Promise<boolean> {
    return this.#blobs.has(key);
  }

  async get(key: BlobKey, range?: BlobRange): Promise<Readable> {
    return Readable.from([this.#part(key, range)], { objectMode: false });
  }

  async send(key: BlobKey, sink: Writable, range?: BlobRange): Promise<void> {
    await writeTo(sink, this.#part(key, range));
  }

  async delete(keys: readonly BlobKey[]): Promise<void> {
    for (const key of keys) this.#blobs.delete(key);
  }

  async *list(): AsyncGenerator<StoredBlob> {
    for (const [key, bytes] of this.#blobs) yield { key, sizeBytes: bytes.byteLength };
  }

  async locate(): Promise<undefined> {
    return undefined;
  }

  async append(key: BlobKey, state: UploadState): Promise<BlobAppender> {
    const chunks = [this.#uploaded(key, state)];
    return {
      write: async (chunk) => {
        chunks.push(Uint8Array.from(chunk));
      },
      save: async () => {
        const bytes = Buffer.concat(chunks);
        this.#uploads.set(key, bytes);
        return { sizeBytes: bytes.byteLength, notes: '', tail: new Uint8Array() };
      },
      close: async () => undefined,
    };
  }

  async complete(key: BlobKey, state: UploadState): Promise<void> {
    if (this.#blobs.get(key)?.byteLength === state.sizeBytes) return;
    this.#blobs.set(key, this.#uploaded(key, state));
    this.#uploads.delete(key);
  }

  async discard(blobs: readonly UnfinishedBlob[]): Promise<void> {
    for (const { key } of blobs) {
      this.#uploads.delete(key);
      this.#blobs.delete(key);
    }
  }

  async *listUploads(): AsyncGenerator<FoundUpload> {
    for (const key of this.#uploads.keys()) yield { key, notes: '', begunAt: 0 };
  }

  async abandon({ key }: FoundUpload): Promise<void> {
    this.#uploads.delete(key);
  }

  #part(key: BlobKey, { offset = 0, length = Number.POSITIVE_INFINITY }: BlobRange = {}): Uint8Array {
    const bytes = this.#blobs.get(key);
    if (bytes === undefined) throw new BlobStoreError('BLOB_MISSING', `no blob ${key} in memory`);
    return bytes.subarray(offset, offset + length);
  }

  #uploaded(key: BlobKey, { sizeBytes }: UploadState): Uint8Array {
    const bytes = this.#uploads.get(key) ?? new Uint8Array();
    if (bytes.byteLength < sizeBytes || this.#blobs.has(key)) {
      throw new BlobStoreError('UPLOAD_MISSING', `no upload ${key} with ${sizeBytes} bytes in memory`);
    }
    return bytes.subarray(0, sizeBytes);
  }
}
