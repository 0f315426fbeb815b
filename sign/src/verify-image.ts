import type { Tag } from '@img/spec/tag';
import { checkAttestations } from './check-attestations.ts';
import { type CheckedEvidence, checkEvidence } from './check-evidence.ts';
import type { Decision, Finding, ImageSigner, Remembered } from './decision.ts';
import type { Evidence } from './evidence.ts';
import type { Identity } from './identity.ts';
import { judgeProof } from './judge-proof.ts';
import { judgeStatement, type Question } from './judge-statement.ts';
import { refreshFindings } from './refresh-findings.ts';
import { imageName, refusal, refusalForTooFew } from './refusal.ts';
import { missingAttestation, type RequiredAttestation } from './required-attestation.ts';
import { joinFindings, noMoverReason, tagRuleOf } from './tag-movers.ts';
import { findBan, findRule, type TrustPolicy } from './trust-policy.ts';
import { describeRule, identitiesIn, type TrustRule } from './trust-rule.ts';
import { formatUnixTime, type UnixTime } from './unix-time.ts';

export type VerifyRequest = Question & {
  /** Everything attached to the digest. */
  readonly evidence: Evidence;
  readonly policy: TrustPolicy;
  /** What this host has accepted for the tag before; not looked at without a tag. */
  readonly remembered?: Remembered | undefined;
  /** What must be attested beside the signatures; for each, one of the types. */
  readonly required?: readonly RequiredAttestation[];
};

/**
 * Decides whether an image may run. This is the only place where that is decided: for verify, pull, run and the
 * admission of a registry. Pure, and total: whatever the evidence holds, the answer is a decision.
 *
 * The rule of the most specific prefix that covers the repository decides alone. It is met when as many different
 * identities as it requires have each signed a statement about this repository, tag and digest that is valid now.
 * With a threshold of k the k-th highest sequence counts, so that fewer than k people can't move a tag: not back,
 * and not so far ahead that the others can't follow. Where the rule has tag movers, one of them moves the tag instead.
 */
export function verifyImage(request: VerifyRequest): Decision {
  const rule = findRule(request.policy, request.repository);
  const tagRule = tagRuleOf(rule, request.tag);
  const signed = roundOf(tagRule === undefined ? request : { ...request, tag: undefined }, rule);
  const moved = tagRule === undefined ? undefined : roundOf(request, tagRule);
  const { signers } = signed;
  const findings =
    rule !== undefined && tagRule !== undefined && moved !== undefined
      ? joinFindings(signed.findings, moved.findings, { rule, tagRule })
      : signed.findings;
  const attestations = checkAttestations(request.evidence.attestations ?? [], { ...request, rule });
  const found = { question: request, rule, findings, attestations, signers };
  const closed = closure(request, rule);
  if (closed !== undefined) return refusal(found, closed.code, closed.reason);
  if (rule === undefined || signers.length < rule.require) return refusalForTooFew(found);
  if (tagRule !== undefined && moved?.signers.length === 0) {
    return refusal(found, 'NO_TAG_MOVER', noMoverReason(tagRule, request.tag, moved.findings));
  }
  const tagged =
    moved === undefined || tagRule === undefined ? { signers, rule } : { ...moved, rule: tagRule };
  const sequence = request.tag === undefined ? undefined : sequenceOf(tagged.signers, tagged.rule);
  const missing = missingAttestation(rule, request.required ?? [], attestations);
  if (missing !== undefined) return refusal(found, 'ATTESTATION_MISSING', missing);
  const stale = staleness(request, sequence);
  if (stale !== undefined) return refusal(found, stale.code, stale.reason);
  const names = signers.map(({ identity }) => identity.name).join(', ');
  const message = `${imageName(request)} is signed by ${names}; required: ${describeRule(rule)}`;
  const expires = earliest(expiryOf(signers, rule), expiryOf(tagged.signers, tagged.rule));
  return { trusted: true, rule, signers, sequence, expires, findings, attestations, message };
}

/** What is found of the identities of one rule about one question. */
function roundOf(request: VerifyRequest, rule: TrustRule | undefined) {
  const findings = countOnce(refreshFindings(findingsOf(request, rule)), request.tag);
  return { findings, signers: signersOf(findings, rule) };
}

/** What no signature can help against. */
function closure({ policy, repository, digest, now }: VerifyRequest, rule: TrustRule | undefined) {
  const ban = findBan(policy.denied.get(digest), repository);
  if (ban !== undefined) return { code: 'DENIED', reason: `${digest} is denied by ${ban.source}` } as const;
  const end = rule === undefined ? undefined : policy.ends.get(rule.prefix);
  if (end === undefined || now < end.expires) return undefined;
  const reason = `its rule is in ${end.source}, which expired at ${formatUnixTime(end.expires)}`;
  return { code: 'ROOT_EXPIRED', reason } as const;
}

function findingsOf({ policy, evidence, ...question }: VerifyRequest, rule: TrustRule | undefined) {
  const identities = [...policy.identities.values()];
  const listed = identities.filter(({ id }) => rule !== undefined && identitiesIn(rule).includes(id));
  const keys = {
    known: identities.flatMap((identity) => identity.keys),
    tried: listed.flatMap((identity) => identity.keys),
  };
  return checkEvidence(evidence, keys).map((checked: CheckedEvidence): Finding => {
    const { encoding, index, statement } = checked;
    const key = checked.key?.fingerprint;
    const identity = key === undefined ? undefined : policy.owners.get(key);
    const found = { encoding, index, identity, key, statement };
    if (checked.problem !== undefined) return { ...found, code: checked.problem, message: checked.message };
    const ban = key === undefined ? undefined : findBan(policy.revoked.get(key), question.repository);
    if (ban !== undefined) {
      return {
        ...found,
        code: 'KEY_REVOKED',
        message: `${identity?.name}'s key is revoked by ${ban.source}`,
      };
    }
    // Only keys of identities were tried, so the key of a good signature has an owner.
    const judged = judgeStatement(checked.statement, identity as Identity, rule, question);
    return { ...found, ...judgeProof(judged, checked, { evidence, policy, rule, question }) };
  });
}

/** Leaves one counted finding per identity, its best: the highest sequence, then the latest end. */
function countOnce(findings: readonly Finding[], tag: Tag | undefined): readonly Finding[] {
  const best = new Map<Identity | undefined, Finding>();
  for (const finding of findings) {
    if (finding.code !== 'COUNTED') continue;
    const other = best.get(finding.identity);
    if (other === undefined || isBetter(finding, other, tag)) best.set(finding.identity, finding);
  }
  return findings.map((finding) => {
    if (finding.code !== 'COUNTED' || best.get(finding.identity) === finding) return finding;
    return { ...finding, code: 'REPEATED', message: `${finding.identity?.name} counts already` };
  });
}

function isBetter(a: Finding, b: Finding, tag: Tag | undefined): boolean {
  // Sequences of different tags, which count together when asked by digest, have nothing to do with each other.
  const [sequenceA, sequenceB] = tag === undefined ? [0, 0] : [sequenceIn(a), sequenceIn(b)];
  return sequenceA === sequenceB ? endOf(a) > endOf(b) : sequenceA > sequenceB;
}

function signersOf(findings: readonly Finding[], rule: TrustRule | undefined): readonly ImageSigner[] {
  return (rule?.of ?? []).flatMap((id) => {
    const found = findings.find(({ code, identity }) => code === 'COUNTED' && identity?.id === id);
    const { identity, key, statement } = found ?? {};
    if (found === undefined || !identity || !key || !statement) return [];
    return { identity, key, statement, expires: found.refreshedUntil ?? statement.expires };
  });
}

function sequenceOf(signers: readonly ImageSigner[], rule: TrustRule): number | undefined {
  const sequences = signers.map(sequenceIn).sort((a, b) => b - a);
  // 0 stands for statements without a sequence, which other tools make.
  return sequences[rule.require - 1] || undefined;
}

function expiryOf(signers: readonly ImageSigner[], rule: TrustRule): UnixTime | undefined {
  const ends = signers.map(({ expires }) => expires ?? Number.POSITIVE_INFINITY).sort((a, b) => b - a);
  const end = ends[rule.require - 1];
  return end === undefined || end === Number.POSITIVE_INFINITY ? undefined : (end as UnixTime);
}

function earliest(a: UnixTime | undefined, b: UnixTime | undefined): UnixTime | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}

function staleness({ tag, digest, remembered }: VerifyRequest, sequence: number | undefined) {
  if (tag === undefined || remembered === undefined) return undefined;
  const before = `number ${remembered.sequence} (${remembered.digest}) was accepted before`;
  if (sequence === undefined) {
    return { code: 'ROLLBACK', reason: `its signatures have no number, and ${before}` } as const;
  }
  if (sequence < remembered.sequence) {
    return { code: 'ROLLBACK', reason: `it is number ${sequence}, and ${before}` } as const;
  }
  if (sequence === remembered.sequence && digest !== remembered.digest) {
    return { code: 'SEQUENCE_REUSED', reason: `it is number ${sequence} too, and ${before}` } as const;
  }
  return undefined;
}

function sequenceIn({ statement }: { readonly statement: Finding['statement'] }): number {
  return statement?.sequence ?? 0;
}

function endOf({ statement, refreshedUntil }: Finding): number {
  return refreshedUntil ?? statement?.expires ?? Number.POSITIVE_INFINITY;
}
