import { Readable, type Writable } from 'node:stream';
import { failuresAfter } from '../../client/retry.ts';
import { type BlobKey, isBlobKey } from '../blob-key.ts';
import type {
  BlobAppender,
  BlobRange,
  BlobStore,
  FoundUpload,
  StoredBlob,
  UnfinishedBlob,
  UploadState,
} from '../blob-store.ts';
import { BlobStoreError } from '../blob-store-error.ts';
import { writeTo } from '../write-to.ts';
import { S3BlobAppender } from './s3-blob-appender.ts';
import { S3Bucket, type S3BucketOptions } from './s3-bucket.ts';
import { formatParts, parseParts, type S3Parts } from './s3-notes.ts';

/** How often a download that breaks off is gone on with where it makes no progress. */
const mostBreaks = 3;

/**
 * Keeps each blob as one object of an S3 bucket, `<prefix>blobs/<key>`. A blob that fits into one part is stored by
 * one request, a larger one as a multipart upload under its final name, so nothing is ever copied; the bytes behind
 * the last part are in the {@link UploadState}. Any number of processes may use the same bucket.
 */
export class S3BlobStore implements BlobStore {
  readonly #bucket: S3Bucket;
  readonly #prefix: string;
  readonly #isRedirecting: boolean;

  private constructor(bucket: S3Bucket, prefix: string, isRedirecting: boolean) {
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.#isRedirecting = isRedirecting;
  }

  /**
   * Opens the store in a bucket that is there.
   *
   * @throws BlobStoreError STORE_UNREACHABLE, STORE_REFUSED
   */
  static async open(options: S3BucketOptions): Promise<S3BlobStore> {
    const { prefix, isRedirecting } = options.location;
    return new S3BlobStore(await S3Bucket.open(options), `${prefix}blobs/`, isRedirecting);
  }

  get name(): string {
    return this.#bucket.name;
  }

  async has(key: BlobKey): Promise<boolean> {
    return (await this.#bucket.sizeOf(this.#object(key))) !== undefined;
  }

  async get(key: BlobKey, range: BlobRange = {}): Promise<Readable> {
    const first = await this.#open(key, range);
    const stream = Readable.from(this.#pieces(key, first, range), { objectMode: false });
    // Also where nobody has begun to read.
    return stream.once('close', () => first?.destroy());
  }

  async send(key: BlobKey, sink: Writable, range: BlobRange = {}): Promise<void> {
    const first = await this.#open(key, range);
    for await (const piece of this.#pieces(key, first, range)) await writeTo(sink, piece);
  }

  async delete(keys: readonly BlobKey[]): Promise<void> {
    await this.#bucket.remove(keys.map((key) => this.#object(key)));
  }

  async *list(): AsyncGenerator<StoredBlob> {
    for await (const { name, sizeBytes } of this.#bucket.list(this.#prefix)) {
      const key = this.#keyOf(name);
      if (key !== undefined) yield { key, sizeBytes };
    }
  }

  async locate(key: BlobKey): Promise<string | undefined> {
    return this.#isRedirecting ? this.#bucket.link(this.#object(key)) : undefined;
  }

  async append(key: BlobKey, state: UploadState): Promise<BlobAppender> {
    const parts = this.#partsOf(key, state);
    const object = this.#object(key);
    const isThere = parts.uploadId === undefined || (await this.#bucket.hasMultipart(object, parts.uploadId));
    if (!isThere) throw this.#missing(key, state);
    return new S3BlobAppender(this.#bucket, object, parts, state.tail);
  }

  async complete(key: BlobKey, state: UploadState): Promise<void> {
    const { uploadId, tags } = this.#partsOf(key, state);
    const object = this.#object(key);
    if (uploadId === undefined) {
      await this.#bucket.put(object, [state.tail]);
      return;
    }
    const all = [...tags];
    if (state.tail.byteLength > 0) {
      const tag = await this.#bucket.putPart(object, uploadId, tags.length + 1, [state.tail]);
      if (tag !== undefined) all.push(tag);
    }
    if (await this.#bucket.completeMultipart(object, uploadId, all)) return;
    // Completed before, and interrupted before the caller could note it.
    if ((await this.#bucket.sizeOf(object)) !== state.sizeBytes) throw this.#missing(key, state);
  }

  async discard(blobs: readonly UnfinishedBlob[]): Promise<void> {
    for (const { key, state } of blobs) {
      const { uploadId } = state.notes === '' ? {} : (JSON.parse(state.notes) as S3Parts);
      if (uploadId !== undefined) await this.#bucket.abortMultipart(this.#object(key), uploadId);
    }
    await this.delete(blobs.map(({ key }) => key));
  }

  async *listUploads(): AsyncGenerator<FoundUpload> {
    for await (const { name, id, begunAt } of this.#bucket.listMultiparts(this.#prefix)) {
      const key = this.#keyOf(name);
      const notes = formatParts({ uploadId: id, tags: [], sizeBytes: 0 });
      if (key !== undefined) yield { key, notes, begunAt };
    }
  }

  async abandon({ key, notes }: FoundUpload): Promise<void> {
    const { uploadId } = JSON.parse(notes) as S3Parts;
    if (uploadId !== undefined) await this.#bucket.abortMultipart(this.#object(key), uploadId);
  }

  /** Closes the connections to the object storage. */
  close(): void {
    this.#bucket.close();
  }

  /** Opens a part of a blob; undefined if the part is empty. */
  async #open(key: BlobKey, { offset = 0, length }: BlobRange): Promise<Readable | undefined> {
    const object = this.#object(key);
    if (length === 0) {
      if (await this.has(key)) return undefined;
    } else {
      const found = await this.#bucket.read(object, offset, boundedLength(offset, length));
      if (found !== undefined) return found === 'beyond the end' ? undefined : found;
    }
    throw new BlobStoreError('BLOB_MISSING', `no object ${object} in ${this.name}`);
  }

  /** The bytes of a part of a blob; where the connection breaks, they are gone on with over another one. */
  async *#pieces(
    key: BlobKey,
    first: Readable | undefined,
    { offset = 0, length = Number.POSITIVE_INFINITY }: BlobRange,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    let position = offset;
    let breaks = 0;
    for (let source = first; source !== undefined; ) {
      const begin = position;
      try {
        for await (const piece of source as AsyncIterable<Uint8Array>) {
          position += piece.byteLength;
          yield piece;
        }
        return;
      } catch (error) {
        breaks = failuresAfter(breaks, position - begin);
        if (breaks > mostBreaks) throw error;
      }
      const left = length - (position - offset);
      source = left === 0 ? undefined : await this.#open(key, { offset: position, length: left });
    }
  }

  #object(key: BlobKey): string {
    return this.#prefix + key;
  }

  #keyOf(object: string): BlobKey | undefined {
    const key = object.slice(this.#prefix.length);
    return isBlobKey(key) ? key : undefined;
  }

  #partsOf(key: BlobKey, state: UploadState): S3Parts {
    const parts = parseParts(state);
    if (parts === undefined) throw this.#missing(key, state);
    return parts;
  }

  #missing(key: BlobKey, { sizeBytes }: UploadState): BlobStoreError {
    return new BlobStoreError('UPLOAD_MISSING', `no upload ${key} with ${sizeBytes} bytes in ${this.name}`);
  }
}

/** A length as a request can say it; 0 is up to the end. */
function boundedLength(offset: number, length = Number.POSITIVE_INFINITY): number {
  return offset + length > Number.MAX_SAFE_INTEGER ? 0 : length;
}
