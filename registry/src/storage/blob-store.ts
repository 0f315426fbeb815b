import type { Readable, Writable } from 'node:stream';
import type { BlobKey } from './blob-key.ts';

/** Which part of a blob is wanted; the whole of it by default. A part beyond the end is empty. */
export type BlobRange = {
  /** First byte, from 0 on. */
  readonly offset?: number;
  /** How many bytes at most. */
  readonly length?: number;
};

export type StoredBlob = { readonly key: BlobKey; readonly sizeBytes: number };

/**
 * How far an unfinished blob is stored. A plain value that the caller keeps, so that any process that has it can
 * go on: the store itself remembers nothing.
 */
export type UploadState = {
  readonly sizeBytes: number;
  /** What the store must know to go on, for example the parts that it has sent; empty at the beginning. */
  readonly notes: string;
  /** The last bytes, where a store can't place so few of them yet. */
  readonly tail: Uint8Array;
};

/** The state of an unfinished blob of which nothing is stored. */
export const emptyUpload: UploadState = { sizeBytes: 0, notes: '', tail: new Uint8Array() };

/** Writes the next bytes of an unfinished blob. */
export type BlobAppender = {
  /** Takes bytes, which must not change afterwards; resolves when more may come. */
  write(chunk: Uint8Array): Promise<void>;
  /** Resolves when everything taken is stored, with the state that continues behind it. */
  save(): Promise<UploadState>;
  /** Ends the writer. What was not saved may be lost. */
  close(): Promise<void>;
};

/**
 * Holds bytes under opaque keys and knows nothing of digests, repositories or HTTP. Files, memory and object
 * storage implement it, and one contract test runs over all of them.
 *
 * A blob comes into being as an upload: `append` as often as needed, by one writer at a time, then `complete`.
 */
export type BlobStore = {
  /** How messages and logs name it, for example its folder. */
  readonly name: string;

  /** Whether a complete blob is stored under the key. */
  has(key: BlobKey): Promise<boolean>;

  /**
   * Opens a complete blob. Whoever gets the stream reads it to its end or destroys it.
   *
   * @throws BlobStoreError BLOB_MISSING
   */
  get(key: BlobKey, range?: BlobRange): Promise<Readable>;

  /**
   * Writes a complete blob into a sink that is done with each chunk when it calls back, such as a connection or a
   * file; the quickest way out. Does not end the sink.
   *
   * @throws BlobStoreError BLOB_MISSING before anything is written; Error when the sink closes
   */
  send(key: BlobKey, sink: Writable, range?: BlobRange): Promise<void>;

  /** Removes complete blobs; a key with nothing behind it counts as removed. */
  delete(keys: readonly BlobKey[]): Promise<void>;

  /** The complete blobs in no particular order. Walks everything, so never while a request waits. */
  list(): AsyncIterable<StoredBlob>;

  /**
   * Opens an unfinished blob behind what the state says is stored. Bytes beyond it, left by a writer that was
   * interrupted, are dropped.
   *
   * @throws BlobStoreError UPLOAD_MISSING
   */
  append(key: BlobKey, state: UploadState): Promise<BlobAppender>;

  /**
   * Makes a complete blob of what the state says is stored; durable, also across a power loss, when the promise
   * resolves. Calling it again is harmless.
   *
   * @throws BlobStoreError UPLOAD_MISSING
   */
  complete(key: BlobKey, state: UploadState): Promise<void>;

  /** Removes an unfinished blob, also if it was completed a moment ago. Calling it again is harmless. */
  discard(key: BlobKey, state: UploadState): Promise<void>;
};
