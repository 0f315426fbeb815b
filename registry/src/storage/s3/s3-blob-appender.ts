import type { BlobAppender, UploadState } from '../blob-store.ts';
import { BlobStoreError } from '../blob-store-error.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { formatParts, type S3Parts } from './s3-notes.ts';

/** The smallest part that S3 takes, unless it is the last one. */
export const smallestPartBytes = 5 * 1024 * 1024;

/** Parts that this process sends now. */
let partsUnderWay = 0;

/** Chunks that are kept as they came. */
const mostLoose = 256;

/** With more parts under way than this, those who send wait for their part before they gather the next one. */
const mostOverlapping = 4;

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
  /** The last chunks, not put together yet. */
  #loose: Uint8Array[] = [];
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
    const tail = Buffer.concat([...this.#chunks, ...this.#loose]);
    this.#chunks = tail.byteLength === 0 ? [] : [tail];
    this.#loose = [];
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
    this.#loose.push(chunk);
    this.#bytes += chunk.byteLength;
    if (this.#loose.length >= mostLoose) this.#tie();
  }

  /** Puts the last chunks together: a client that sends single bytes must not cost a hundred for each. */
  #tie(): void {
    if (this.#loose.length > 0) this.#chunks.push(Buffer.concat(this.#loose));
    this.#loose = [];
  }

  /** Resolves as soon as a part is on its way; its failure comes out of the next call. */
  async #send(size: number): Promise<void> {
    await this.#sending;
    this.#sending = this.#sendPart(this.#take(size), size);
    this.#sending.catch(() => undefined);
    // Where many blobs come at once, each of them gathers a part or sends one, not both: that is enough to keep the
    // network busy. And the thousandth part decides how large the next one is.
    const isBusy = partsUnderWay > mostOverlapping;
    if (isBusy || this.#parts.tags.length % 1000 === 999) await this.#sending;
  }

  async #sendPart(content: readonly Uint8Array[], size: number): Promise<void> {
    partsUnderWay += 1;
    try {
      const uploadId = this.#parts.uploadId ?? (await this.#begin());
      const { tags, sizeBytes } = this.#parts;
      const tag = await this.#bucket.putPart(this.#object, uploadId, tags.length + 1, content);
      if (tag === undefined) {
        const message = `the multipart upload of ${this.#object} in ${this.#bucket.name} is gone`;
        throw new BlobStoreError('UPLOAD_MISSING', message);
      }
      this.#parts = { uploadId, tags: [...tags, tag], sizeBytes: sizeBytes + size };
    } finally {
      partsUnderWay -= 1;
    }
  }

  async #begin(): Promise<string> {
    const uploadId = await this.#bucket.beginMultipart(this.#object);
    this.#isBegunHere = true;
    this.#parts = { ...this.#parts, uploadId };
    return uploadId;
  }

  /** Takes out the first bytes of what was gathered. */
  #take(size: number): readonly Uint8Array[] {
    this.#chunks.push(...this.#loose);
    this.#loose = [];
    const taken: Uint8Array[] = [];
    for (let left = size; left > 0; ) {
      const chunk = this.#chunks.shift() as Uint8Array;
      taken.push(chunk.subarray(0, left));
      if (chunk.byteLength > left) this.#chunks.unshift(chunk.subarray(left));
      left -= Math.min(left, chunk.byteLength);
    }
    this.#bytes -= size;
    return taken;
  }
}
