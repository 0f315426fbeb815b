import { CodedError } from '@img/spec/coded-error';

/** What the command line itself refuses; everything else comes from the packages below. */
export type CliErrorCode =
  | 'AGENT_UNREACHABLE'
  | 'APPS_INVALID'
  | 'BUSY'
  /** The user asked to stop. */
  | 'CANCELLED'
  | 'CONFIG_INVALID'
  | 'FILE_EXISTS'
  | 'IDENTITY_UNKNOWN'
  /** It is not what it is made of. */
  | 'IMAGE_DIFFERS'
  | 'JOURNAL_UNREADABLE'
  | 'KEY_EXISTS'
  | 'KEY_UNKNOWN'
  | 'KEY_UNSAFE'
  /** Not of the kind that is needed. */
  | 'KEY_UNSUITABLE'
  | 'PASSPHRASE_MISSING'
  | 'ROOT_REFUSED'
  | 'ROOT_UNREACHABLE'
  | 'SIGNATURE_UNKNOWN'
  | 'TAG_UNKNOWN'
  | 'USAGE'
  /** A worker of a registry, by somebody or something else. */
  | 'WORKER_ENDED';

/** A mistake in what was typed or configured; the message names it, the hint says what to write instead. */
export class CliError extends CodedError<CliErrorCode> {
  override readonly name = 'CliError';
}
