import { type Digest, digestAlgorithm, digestOf, isDigest } from '@img/spec/digest';
import { parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { limits } from '@img/spec/limits';
import { type Manifest, parseManifest } from '@img/spec/manifest';
import { parseRepositoryName, type RepositoryName } from '@img/spec/repository-name';
import { SpecError } from '@img/spec/spec-error';
import { type BlobKey, isBlobKey, kindOfKey } from '../storage/blob-key.ts';

/** What storage knows of a manifest: enough to give it back to its repository, with the blobs that it needs. */
export type ManifestRecord = {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly mediaType: string;
  /** When it was pushed, in milliseconds since 1970. */
  readonly createdAt: number;
  /**
   * The blobs that its repository had when this was written, and where they were stored; they may have moved since. What
   * a manifest names and its repository hasn't may be somebody else's.
   */
  readonly blobs: ReadonlyMap<Digest, BlobKey>;
  /** The manifest, byte for byte. */
  readonly bytes: Uint8Array;
};

const format = 'img-registry-manifest/1';

/** The line before a manifest names each of its blobs, which the manifest does as well, in more words. */
const headBytes = limits.manifestBytes + 64 * 1024;

/** No record is longer. */
export const recordBytes = headBytes + 1 + limits.manifestBytes;

/** One line of JSON, then the manifest as it is. */
export function encodeManifestRecord(record: ManifestRecord): Uint8Array {
  const { repository, digest, mediaType, createdAt, blobs, bytes } = record;
  const head = { format, repository, digest, mediaType, createdAt, blobs: Object.fromEntries(blobs) };
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), bytes]);
}

/** Reads a record; undefined for anything that is not, byte for byte, a whole one of ours. */
export function decodeManifestRecord(
  encoded: Uint8Array,
): { readonly record: ManifestRecord; readonly manifest: Manifest } | undefined {
  const end = encoded.indexOf('\n'.charCodeAt(0));
  if (end < 0) return undefined;
  const bytes = encoded.subarray(end + 1);
  try {
    const fields = new JsonFields(
      parseJson(encoded.subarray(0, end), { maxBytes: headBytes }),
      'record',
      'JSON_INVALID',
    );
    const digest = fields.string('digest');
    if (fields.string('format') !== format || !isDigest(digest)) return undefined;
    if (digestOf(bytes, digestAlgorithm(digest)) !== digest) return undefined;
    const mediaType = fields.string('mediaType');
    const record: ManifestRecord = {
      repository: parseRepositoryName(fields.string('repository')),
      digest,
      mediaType,
      createdAt: fields.integer('createdAt', 0),
      blobs: blobsOf(fields.object('blobs')),
      bytes,
    };
    return { record, manifest: parseManifest(bytes, mediaType) };
  } catch (error) {
    if (error instanceof SpecError) return undefined;
    throw error;
  }
}

function blobsOf(fields: JsonFields): ReadonlyMap<Digest, BlobKey> {
  const blobs = new Map<Digest, BlobKey>();
  for (const digest of fields.keys()) {
    const key = fields.string(digest);
    if (isDigest(digest) && isBlobKey(key) && kindOfKey(key) === 'blob') blobs.set(digest, key);
  }
  return blobs;
}
