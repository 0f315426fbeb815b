import type { CheckedEvidence } from './check-evidence.ts';
import type { FindingCode } from './decision.ts';
import type { Evidence } from './evidence.ts';
import type { Question } from './judge-statement.ts';
import { type CheckedProof, checkProof } from './log/check-proof.ts';
import type { TrustPolicy } from './trust-policy.ts';
import { findBan } from './trust-policy.ts';
import type { TrustRule } from './trust-rule.ts';

type Judged = { readonly code: FindingCode; readonly message: string };

type ProofContext = {
  readonly evidence: Evidence;
  readonly policy: TrustPolicy;
  readonly rule: TrustRule | undefined;
  readonly question: Pick<Question, 'repository'>;
};

// An expired statement may be extended by somebody else, and must not count then without the proof that it lacks.
const provenCodes: ReadonlySet<FindingCode> = new Set(['COUNTED', 'REFRESHES', 'EXPIRED']);

/**
 * Whether a statement that would count, now or once it is extended, is also in the logs where it has to be: that of the
 * rule, and, by a key that was given up, that in which it must have been before. Only bundles bring proofs; the same
 * statement in the other encoding then doesn't count.
 */
export function judgeProof(
  judged: Judged,
  checked: CheckedEvidence,
  { evidence, policy, rule, question }: ProofContext,
): Judged {
  if (!provenCodes.has(judged.code)) return judged;
  const retirements = (checked.key && policy.retired.get(checked.key.fingerprint)) ?? [];
  // Whoever wrote the documents may say it more than once, for other names, or of other logs: each counts.
  const retired = retirements.filter((each) => findBan([each], question.repository) !== undefined);
  const [first] = retired;
  if (first === undefined && rule?.log === undefined) return judged;
  const proofs = proofsOf(checked, evidence, policy);
  for (const { log, from, source } of retired) {
    const proof = proofs(log);
    if (proof.problem === undefined && proof.index < from) continue;
    const place = proof.problem === undefined ? ` as entry ${proof.index}` : ' without a proof of that log';
    const limit = `the key counts only for what ${log} had before entry ${from} (${source})`;
    return { code: 'KEY_REVOKED', message: `${judged.message}${place}, and ${limit}` };
  }
  if (rule?.log === undefined) return judged;
  const proof = proofs(rule.log);
  if (judged.code === 'EXPIRED' && proof.problem === undefined) return judged;
  const code = proof.problem ?? judged.code;
  const word = proof.problem === undefined ? ', which' : ', but it';
  return { code, message: `${judged.message}${word} ${proof.message}` };
}

/** Checks what a piece of evidence came with; once for each log. */
function proofsOf({ encoding, index }: CheckedEvidence, evidence: Evidence, policy: TrustPolicy) {
  const known = new Map<string, CheckedProof>();
  const entry = encoding === 'bundle' ? evidence.bundles[index] : undefined;
  const text = encoding === 'bundle' ? evidence.proofs?.[index] : undefined;
  return (name: string): CheckedProof => {
    const log = policy.logs.get(name);
    const found = known.get(name);
    if (found !== undefined) return found;
    const checked: CheckedProof =
      log === undefined || entry === undefined
        ? { problem: 'NOT_LOGGED', message: `has no proof that it is in the log ${name}` }
        : checkProof(entry, text, log);
    known.set(name, checked);
    return checked;
  };
}
