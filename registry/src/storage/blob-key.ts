import { randomBytes } from 'node:crypto';

declare const blobKeyBrand: unique symbol;

/**
 * The name of stored bytes inside a blob store: 32 lower-case hex characters that say nothing about the content.
 * Which digest has which key is a row of the metadata, so storing an upload under its digest copies nothing.
 */
export type BlobKey = string & { readonly [blobKeyBrand]: true };

/** A key that was never used before. */
export function createBlobKey(): BlobKey {
  return randomBytes(16).toString('hex') as BlobKey;
}

export function isBlobKey(text: string): text is BlobKey {
  return /^[0-9a-f]{32}$/.test(text);
}
