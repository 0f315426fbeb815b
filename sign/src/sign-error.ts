import { CodedError } from '@img/spec/coded-error';

/** Everything that this package refuses. A refused image is not an error but a decision: see `verifyImage`. */
export type SignErrorCode =
  | 'AGENT_REFUSED'
  | 'BUNDLE_INVALID'
  | 'KEY_FILE_INVALID'
  | 'KEY_INVALID'
  | 'KEY_UNSUPPORTED'
  | 'KEY_WEAK'
  /** A text with signatures, such as what a log says it has. */
  | 'NOTE_INVALID'
  | 'PASSPHRASE_WRONG'
  | 'PAYLOAD_INVALID'
  | 'POLICY_CONFLICT'
  | 'POLICY_INVALID'
  | 'PROOF_INVALID'
  | 'ROOT_INVALID'
  | 'SIGNATURES_TOO_MANY'
  | 'SIGNER_FAULTY'
  | 'SSH_INVALID'
  | 'STATEMENT_INVALID'
  | 'TILE_INVALID';

/** A key, signature or policy that can't be used; the message names the offending value. */
export class SignError extends CodedError<SignErrorCode> {
  override readonly name = 'SignError';
}
