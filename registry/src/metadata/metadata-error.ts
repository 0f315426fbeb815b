import { CodedError } from '@img/spec/coded-error';

export type MetadataErrorCode =
  /** The tables were made by something else than the versions of this program. */
  | 'SCHEMA_UNKNOWN'
  /** The tables were made by a newer version of this program. */
  | 'SCHEMA_NEWER'
  /** Another process took over the upload. */
  | 'UPLOAD_TAKEN';

/** What the metadata refuse. Failures of the database below them are passed on as they are. */
export class MetadataError extends CodedError<MetadataErrorCode> {
  override readonly name = 'MetadataError';
}
