import { CodedError } from '@img/spec/coded-error';

/** Everything that storing and moving images may fail with on purpose. */
export type RegistryErrorCode =
  // What a registry does or answers.
  | 'ACCESS_DENIED'
  | 'ANSWER_INVALID'
  | 'ANSWER_TOO_LONG'
  | 'ANSWER_TRUNCATED'
  | 'CONTENT_TYPE_INVALID'
  | 'LINK_REFUSED'
  | 'LOGIN_FAILED'
  | 'REDIRECT_LOOP'
  | 'REDIRECT_REFUSED'
  | 'REGISTRY_FAILED'
  | 'REGISTRY_UNREACHABLE'
  | 'REQUEST_REFUSED'
  /** The rule of the registry for a tag is not met; everything else of the image may be there. */
  | 'TAG_REFUSED'
  /** A tag means something else than was read before: read it again. */
  | 'TAG_MOVED'
  | 'TOKEN_REFUSED'
  | 'TOO_MANY_REQUESTS'
  // Content, wherever it comes from.
  | 'CONTENT_CORRUPT'
  | 'CONTENT_MISSING'
  | 'DIGEST_MISMATCH'
  | 'IMAGE_INVALID'
  /** A log no longer has what it had, or contradicts itself. */
  | 'LOG_INCONSISTENT'
  | 'SIZE_MISMATCH'
  // Credentials on this machine.
  | 'CREDENTIALS_INVALID'
  | 'CREDENTIAL_HELPER_FAILED'
  // The image store of this host.
  | 'REFERENCE_AMBIGUOUS'
  | 'REFERENCE_UNKNOWN'
  | 'STORE_INVALID'
  // Layouts and archives.
  | 'ARCHIVE_INVALID'
  | 'LAYOUT_INVALID'
  // Compression.
  | 'COMPRESSED_INVALID'
  | 'DECOMPRESSED_TOO_LONG';

/** An image that can't be stored, moved or found. */
export class RegistryError extends CodedError<RegistryErrorCode> {
  override readonly name = 'RegistryError';
}
