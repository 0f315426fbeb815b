import { SignError } from '../sign-error.ts';
import { verifyCheckpoint } from './checkpoint.ts';
import { provesInclusion } from './inclusion-proof.ts';
import type { KnownLog } from './known-log.ts';
import { describeCosignatures } from './signed-note.ts';
import { parseProof } from './tlog-proof.ts';
import { leafHash } from './tree-hash.ts';

/** Why nothing proves that an entry is in a log. */
export type ProofProblem =
  /** There is no proof of this log. */
  | 'NOT_LOGGED'
  /** What is there proves nothing: malformed, of another entry, or not signed by the log. */
  | 'PROOF_INVALID'
  /** Fewer witnesses than required have seen the log as it says it is. */
  | 'UNWITNESSED';

/** Where an entry is in a log, proven; or why not. */
export type CheckedProof =
  | {
      readonly problem: undefined;
      readonly index: number;
      /** Of the log when it gave the proof. */
      readonly size: number;
      /** One clause for people. */
      readonly message: string;
    }
  | { readonly problem: ProofProblem; readonly message: string };

/**
 * Whether a proof shows that an entry is in a log. Pure, and never throws for what is in the proof. Proofs go with
 * what they prove, so nobody has to be asked.
 *
 * @param proof undefined if there is none
 */
export function checkProof(entry: Uint8Array, proof: string | undefined, log: KnownLog): CheckedProof {
  const { name } = log.key;
  if (proof === undefined)
    return { problem: 'NOT_LOGGED', message: `has no proof that it is in the log ${name}` };
  try {
    const { index, hashes, checkpoint } = parseProof(proof);
    const { size, root, witnesses } = verifyCheckpoint(checkpoint, log.key, log.witnesses);
    if (!provesInclusion({ leaf: leafHash(entry), index, size, root }, hashes)) {
      return { problem: 'PROOF_INVALID', message: `has a proof of ${name} that is not for it` };
    }
    const seen = witnesses.length;
    if (seen < log.requireWitnesses) {
      const message = `has a proof of ${name} that ${seen} of the ${log.requireWitnesses} required witnesses have seen`;
      return { problem: 'UNWITNESSED', message };
    }
    const cosigned = describeCosignatures(witnesses);
    const message = `is entry ${index} of ${name}${cosigned === undefined ? '' : `, seen by ${cosigned}`}`;
    return { problem: undefined, index, size, message };
  } catch (error) {
    if (!(error instanceof SignError)) throw error;
    return { problem: 'PROOF_INVALID', message: `has a proof that proves nothing: ${error.message}` };
  }
}
