import type { UploadState } from '../blob-store.ts';

/** Which parts of an unfinished blob an object storage has. */
export type S3Parts = {
  /** The multipart upload; undefined while there is none, because everything is in the tail. */
  readonly uploadId: string | undefined;
  /** The tags of the parts, in order. */
  readonly tags: readonly string[];
  /** How many bytes the parts have together. */
  readonly sizeBytes: number;
};

export const noParts: S3Parts = { uploadId: undefined, tags: [], sizeBytes: 0 };

/** The parts as the text that an {@link UploadState} carries; empty for none. */
export function formatParts(parts: S3Parts): string {
  return parts.uploadId === undefined ? '' : JSON.stringify(parts);
}

/** What {@link formatParts} wrote; undefined if the state does not add up. */
export function parseParts({ notes, tail, sizeBytes }: UploadState): S3Parts | undefined {
  const parts = notes === '' ? noParts : (JSON.parse(notes) as S3Parts);
  return parts.sizeBytes + tail.byteLength === sizeBytes ? parts : undefined;
}
