import type { Digest } from '@img/spec/digest';
import type { AttestationFinding } from './check-attestations.ts';
import type { EvidenceProblem, SignatureEncoding } from './check-evidence.ts';
import type { Identity } from './identity.ts';
import type { ProofProblem } from './log/check-proof.ts';
import type { Fingerprint } from './public-key.ts';
import type { Statement } from './statement.ts';
import type { TrustRule } from './trust-rule.ts';
import type { UnixTime } from './unix-time.ts';

/** The newest statement that a host has accepted for a repository and tag. */
export type Remembered = {
  readonly sequence: number;
  readonly digest: Digest;
};

/** Why a good signature by somebody whom the rule lists doesn't count. */
export type StatementProblem =
  | 'OTHER_REPOSITORY'
  | 'OTHER_DIGEST'
  | 'OTHER_TAG'
  /** Names no tag, and was asked about one. */
  | 'NO_TAG'
  | 'NOT_YET_VALID'
  | 'EXPIRED'
  /** By a key that no longer counts. */
  | 'KEY_REVOKED'
  | ProofProblem;

/** What became of one piece of evidence. */
export type FindingCode =
  | 'COUNTED'
  /** Good, but its identity counts already, through a newer statement or the other encoding. */
  | 'REPEATED'
  | 'NOT_IN_RULE'
  /** By somebody who may say what tags mean. */
  | 'MOVES_TAG'
  /** By somebody who may extend what others have signed. */
  | 'REFRESHES'
  /** The same, but without an end. */
  | 'NO_END'
  | StatementProblem
  | EvidenceProblem;

/** One piece of evidence and why it counted or not. */
export type Finding = {
  readonly encoding: SignatureEncoding;
  /** Its place among the evidence of its encoding, from 0. */
  readonly index: number;
  readonly code: FindingCode;
  /** One clause for people, such as `Alice signed it as tag 1.0, not 2.0`. */
  readonly message: string;
  /** Whose key it is; undefined where no known key is involved. */
  readonly identity: Identity | undefined;
  readonly key: Fingerprint | undefined;
  /** Undefined unless a known key signed it. */
  readonly statement: Statement | undefined;
  /** When a statement that was refreshed ends, instead of its own end. */
  readonly refreshedUntil?: UnixTime;
};

/** An identity that counts, with its best statement. */
export type ImageSigner = {
  readonly identity: Identity;
  readonly key: Fingerprint;
  readonly statement: Statement;
  /** When this identity no longer counts: the end of the statement, or of what extends it; undefined if never. */
  readonly expires: UnixTime | undefined;
};

/** Why an image is refused. */
export type RefusalCode =
  /** Somebody who may say so has said that this image must not run. */
  | 'DENIED'
  /** Nobody who may has said that the tag means it. */
  | 'NO_TAG_MOVER'
  /** Nobody who may has attested what the rule or the asker requires. */
  | 'ATTESTATION_MISSING'
  /** The rule stands in a trust root that has expired. */
  | 'ROOT_EXPIRED'
  /** No rule covers the name. */
  | 'NO_RULE'
  /** The rule lists nobody. */
  | 'RULE_CLOSED'
  /** There is no signature at all. */
  | 'UNSIGNED'
  /** Signed, but by nobody whom the rule lists. */
  | 'UNTRUSTED_KEY'
  /** So many pieces of evidence that not all are looked at, and none of those that are counts. */
  | 'TOO_MANY_SIGNATURES'
  /** What is signed about it is of another kind, such as a list of what is in it. */
  | 'OTHER_PREDICATE'
  /** Signed by some whom the rule lists, but by fewer than it requires. */
  | 'TOO_FEW_SIGNERS'
  /** Nobody counts, for this reason. */
  | StatementProblem
  /** The host has seen a newer statement about this tag. */
  | 'ROLLBACK'
  /** The host has seen a statement with this number about another digest. */
  | 'SEQUENCE_REUSED'
  /** A signature by a known key was changed. */
  | 'SIGNATURE_INVALID'
  /** What is stored as a signature is none. */
  | 'SIGNATURE_MALFORMED';

/** Whether an image may run, with all that the answer rests on. */
export type Decision = TrustedDecision | RefusedDecision;

export type TrustedDecision = {
  readonly trusted: true;
  readonly rule: TrustRule;
  /** In the order of the rule; at least as many as it requires. */
  readonly signers: readonly ImageSigner[];
  /** What to remember for the tag; undefined if asked by digest, or if the signers gave no sequence. */
  readonly sequence: number | undefined;
  /** When the signers become too few; undefined if never. */
  readonly expires: UnixTime | undefined;
  readonly findings: readonly Finding[];
  readonly attestations: readonly AttestationFinding[];
  /** One sentence for people. */
  readonly message: string;
};

export type RefusedDecision = {
  readonly trusted: false;
  readonly code: RefusalCode;
  readonly rule: TrustRule | undefined;
  /** Those who do count, though they are not enough or come too late. */
  readonly signers: readonly ImageSigner[];
  readonly findings: readonly Finding[];
  readonly attestations: readonly AttestationFinding[];
  /** One sentence for people. */
  readonly message: string;
  /** What to do next. */
  readonly hint: string;
};
