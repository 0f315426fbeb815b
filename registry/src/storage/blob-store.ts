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

/** A blob that was begun, with how far it is stored. */
export type UnfinishedBlob = { readonly key: BlobKey; readonly state: UploadState };

/** An unfinished blob that a store found by itself, perhaps left by a process that died before it noted the state. */
export type FoundUpload = {
  readonly key: BlobKey;
  /** What the store finds it by. */
  readonly notes: string;
  /** Milliseconds since 1970. */
  readonly begunAt: number;
};

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
   * A URL where anybody can read a complete blob for the next minutes, also in parts, without passing through this
   * process; undefined where the store has none. Asks nobody whether the blob is there.
   */
  locate(key: BlobKey): Promise<string | undefined>;

  /**
   * Opens an unfinished blob behind what the state says is stored. Bytes beyond it, left by a writer that was
   * interrupted, are dropped.
   *
   * @throws BlobStoreError UPLOAD_MISSING; a store that has all bytes in the state itself misses nothing
   */
  append(key: BlobKey, state: UploadState): Promise<BlobAppender>;

  /**
   * Makes a complete blob of what the state says is stored; durable, also across a power loss, when the promise
   * resolves. Calling it again is harmless.
   *
   * @throws BlobStoreError UPLOAD_MISSING
   */
  complete(key: BlobKey, state: UploadState): Promise<void>;

  /** Removes unfinished blobs, also what was completed, a moment or a year ago. Calling it again is harmless. */
  discard(blobs: readonly UnfinishedBlob[]): Promise<void>;

  /**
   * The unfinished blobs in no particular order, as far as the store can tell: MinIO can't, and removes them itself
   * after a day. Walks them all, so never while a request waits.
   */
  listUploads(): AsyncIterable<FoundUpload>;

  /** Removes what {@link listUploads} found, unless it is complete by now. */
  abandon(upload: FoundUpload): Promise<void>;
};
