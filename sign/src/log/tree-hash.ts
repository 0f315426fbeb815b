import { createHash } from 'node:crypto';

/** 32 bytes: SHA-256 of a leaf or of a node of the tree (RFC 6962 section 2.1). */
export type TreeHash = Uint8Array;

export const hashBytes = 32;

/** The root of a tree without entries. */
export const emptyRoot: TreeHash = sha256();

/** What an entry is in the tree; the prefix keeps anybody from passing a node off as an entry. */
export function leafHash(entry: Uint8Array): TreeHash {
  return sha256(Uint8Array.of(0), entry);
}

export function nodeHash(left: TreeHash, right: TreeHash): TreeHash {
  return sha256(Uint8Array.of(1), left, right);
}

export function isSameHash(a: TreeHash, b: TreeHash): boolean {
  return Buffer.compare(a, b) === 0;
}

function sha256(...parts: readonly Uint8Array[]): TreeHash {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}
