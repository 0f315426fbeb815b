import type { BlobAppender, UploadState } from '../blob-store.ts';
import { BlobStoreError } from '../blob-store-error.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { formatParts, type S3Parts } from './s3-notes.ts';

/** The smallest part that S3 takes, unless it is the last one. */
export const smallestPartBytes = 5 * 1024 * 1024;

/**
 * How large the next part is. An object has 10,000 parts at most: they grow every thousand, so that a terabyte fits
 * in, and those of blobs below 5 GiB are all of one size, which some storages demand.
 */
export function partBytesAfter(parts: number): number {
  return smallestPartBytes * (1 + 5 * Math.floor(parts / 1000));
}

/**
 * Gathers bytes and stores them as parts of a multipart upload: while one part is sent the next one is gathered. What
 * is too small for a part goes into the state, so that a small blob needs no multipart upload at all.
 */
export class S3BlobAppender implements BlobAppender {
  readonly #bucket: S3Bucket;
  readonly #object: string;
  #parts: S3Parts;
  #isBegunHere = false;
  #isNoted = false;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #sending: Promise<void> = Promise.resolve();

  constructor(bucket: S3Bucket, object: string, parts: S3Parts, tail: Uint8Array) {
    this.#bucket = bucket;
    this.#object = object;
    this.#parts = parts;
    this.#gather(tail);
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#gather(chunk);
    // A blob that fits into one part is stored by a single request in the end.
    while (this.#bytes > this.#partBytes()) await this.#send(this.#partBytes());
  }

  async save(): Promise<UploadState> {
    await this.#sending;
    if (this.#parts.uploadId !== undefined && this.#bytes >= smallestPartBytes) {
      await this.#send(this.#bytes);
      await this.#sending;
    }
    this.#isNoted = true;
    const tail = Buffer.concat(this.#chunks);
    this.#chunks = tail.byteLength === 0 ? [] : [tail];
    return {
      sizeBytes: this.#parts.sizeBytes + tail.byteLength,
      notes: formatParts(this.#parts),
      tail,
    };
  }

  async close(): Promise<void> {
    await this.#sending.catch(() => undefined);
    const { uploadId } = this.#parts;
    // Nobody knows of it, so nobody else could remove it soon.
    if (this.#isBegunHere && !this.#isNoted && uploadId !== undefined) {
      await this.#bucket.abortMultipart(this.#object, uploadId);
    }
  }

  #partBytes(): number {
    return partBytesAfter(this.#parts.tags.length);
  }

  #gather(chunk: Uint8Array): void {
    if (chunk.byteLength === 0) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.byteLength;
  }

  /** Resolves as soon as a part is on its way; its failure comes out of the next call. */
  async #send(size: number): Promise<void> {
    await this.#sending;
    const part = this.#take(size);
    this.#sending = this.#sendPart(part);
    this.#sending.catch(() => undefined);
    // The next part may have another size, which depends on how many there are.
    if (this.#parts.tags.length % 1000 === 999) await this.#sending;
  }

  async #sendPart(bytes: Buffer): Promise<void> {
    let { uploadId } = this.#parts;
    if (uploadId === undefined) {
      uploadId = await this.#bucket.beginMultipart(this.#object);
      this.#isBegunHere = true;
      this.#parts = { ...this.#parts, uploadId };
    }
    const { tags, sizeBytes } = this.#parts;
    const tag = await this.#bucket.putPart(this.#object, uploadId, tags.length + 1, bytes);
    if (tag === undefined) {
      const message = `the multipart upload of ${this.#object} in ${this.#bucket.name} is gone`;
      throw new BlobStoreError('UPLOAD_MISSING', message);
    }
    this.#parts = { uploadId, tags: [...tags, tag], sizeBytes: sizeBytes + bytes.byteLength };
  }

  #take(size: number): Buffer {
    const all = Buffer.concat(this.#chunks);
    const rest = all.subarray(size);
    // A copy, so that the part doesn't stay in memory because of a few bytes behind it.
    this.#chunks = rest.byteLength === 0 ? [] : [Buffer.from(rest)];
    this.#bytes = rest.byteLength;
    return all.subarray(0, size);
  }
}
