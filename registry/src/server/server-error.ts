import { CodedError } from '@img/spec/coded-error';

export type ServerErrorCode =
  | 'ADDRESS_IN_USE'
  | 'ADDRESS_UNUSABLE'
  | 'DATA_FOLDER_UNUSABLE'
  /** The key that signs tokens can be read by others, or is none. */
  | 'KEY_UNUSABLE'
  /** The storage has content, and the database doesn't know of it, or not of all of it yet. */
  | 'METADATA_MISSING'
  | 'OPTION_INVALID'
  | 'TLS_UNUSABLE';

/** Why a registry could not be started. What a request may not do is a ProtocolError. */
export class ServerError extends CodedError<ServerErrorCode> {
  override readonly name = 'ServerError';
}
