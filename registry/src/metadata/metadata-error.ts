import { CodedError } from '@img/spec/coded-error';

export type MetadataErrorCode =
  /** The tables were made by something else than the versions of this program. */
  | 'SCHEMA_UNKNOWN'
  /** The tables were made by a newer version of this program. */
  | 'SCHEMA_NEWER'
  /** The tables have rows already. */
  | 'DATABASE_NOT_EMPTY'
  /** Another process took over the upload. */
  | 'UPLOAD_TAKEN'
  /** A text has a NUL character, which no database of ours keeps. */
  | 'TEXT_INVALID'
  /** The database does not answer, or has no room for us now. */
  | 'DATABASE_UNREACHABLE'
  /** The database doesn't let us in, or isn't one that we can use. */
  | 'DATABASE_REFUSED'
  /** The settings of the database are not what they should be. */
  | 'LOCATION_INVALID';

/** What the metadata refuse. Other failures of the database below them are passed on as they are. */
export class MetadataError extends CodedError<MetadataErrorCode> {
  override readonly name = 'MetadataError';
}
