import { CodedError } from '@img/spec/coded-error';

export type BlobStoreErrorCode =
  /** Nothing is stored under the key. */
  | 'BLOB_MISSING'
  /** The unfinished blob is not there, or has less than what its state says; it can't be continued. */
  | 'UPLOAD_MISSING'
  /** The object storage does not answer, or answers that it can't now, also when asked again. */
  | 'STORE_UNREACHABLE'
  /** The object storage doesn't let us do that, or there is no such bucket. */
  | 'STORE_REFUSED'
  /** The settings of the store are not what they should be. */
  | 'LOCATION_INVALID';

/** What a blob store could not do. Failures of the disk below it are passed on as they are. */
export class BlobStoreError extends CodedError<BlobStoreErrorCode> {
  override readonly name = 'BlobStoreError';
}
