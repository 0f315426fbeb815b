import { CodedError } from './coded-error.ts';

/** Everything that the parsers of this package refuse. */
export type SpecErrorCode =
  | 'CONFIG_INVALID'
  | 'CONTENT_MISMATCH'
  | 'CONTENT_SIZE'
  | 'DIGEST_INVALID'
  | 'JSON_INVALID'
  | 'JSON_TOO_DEEP'
  | 'JSON_TOO_LONG'
  | 'MANIFEST_INVALID'
  | 'NAME_INVALID'
  | 'PLATFORM_INVALID'
  | 'PLATFORM_UNKNOWN'
  | 'PREFIX_INVALID'
  | 'REFERENCE_INVALID'
  | 'TAG_INVALID';

/** A value from outside that is not what a specification allows. The message quotes the offending value. */
export class SpecError extends CodedError<SpecErrorCode> {
  override readonly name = 'SpecError';
}
