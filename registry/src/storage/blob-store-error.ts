import { CodedError } from '@img/spec/coded-error';

export type BlobStoreErrorCode =
  /** Nothing is stored under the key. */
  | 'BLOB_MISSING'
  /** The unfinished blob is not there, or has less than what its state says; it can't be continued. */
  | 'UPLOAD_MISSING';

/** What a blob store could not do. Failures of the disk or network below it are passed on as they are. */
export class BlobStoreError extends CodedError<BlobStoreErrorCode> {
  override readonly name = 'BlobStoreError';
}
