import { randomBytes } from 'node:crypto';

declare const blobKeyBrand: unique symbol;

/**
 * What is stored: a blob as it was pushed, or what the registry itself notes so that its metadata can be rebuilt.
 * Clients choose bytes, never keys, so nothing that is pushed passes for a note.
 */
export type BlobKind = 'blob' | 'manifest' | 'snapshot';

/**
 * The name of stored bytes inside a blob store: 32 lower-case hex characters that say nothing about the content, and
 * for notes their kind. Which digest has which key is a row of the metadata, so storing an upload under its digest
 * copies nothing.
 */
export type BlobKey = string & { readonly [blobKeyBrand]: true };

const keyPattern = /^[0-9a-f]{32}(?:\.(manifest|snapshot))?$/;

/** A key that was never used before. */
export function createBlobKey(kind: BlobKind = 'blob'): BlobKey {
  const random = randomBytes(16).toString('hex');
  return (kind === 'blob' ? random : `${random}.${kind}`) as BlobKey;
}

export function isBlobKey(text: string): text is BlobKey {
  return keyPattern.test(text);
}

/** What is stored under a key. */
export function kindOfKey(key: BlobKey): BlobKind {
  return (keyPattern.exec(key)?.[1] as BlobKind | undefined) ?? 'blob';
}
