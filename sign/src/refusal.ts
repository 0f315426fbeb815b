import type { AttestationFinding } from './check-attestations.ts';
import type { Finding, FindingCode, ImageSigner, RefusalCode, RefusedDecision } from './decision.ts';
import type { Question } from './judge-statement.ts';
import { describeRule, displayPrefix, type TrustRule } from './trust-rule.ts';

/** What was found before an image is refused. */
export type Found = {
  readonly question: Question;
  readonly rule: TrustRule | undefined;
  readonly findings: readonly Finding[];
  readonly attestations: readonly AttestationFinding[];
  readonly signers: readonly ImageSigner[];
};

/** What messages call the image that was asked for. */
export function imageName({ repository, tag, digest }: Question): string {
  return tag === undefined ? `${repository}@${digest}` : `${repository}:${tag}`;
}

/** @param reason a clause that follows "is not trusted:" */
export function refusal(found: Found, code: RefusalCode, reason: string): RefusedDecision {
  const { question, rule, findings, attestations, signers } = found;
  const message = `${imageName(question)} is not trusted: ${reason}`;
  return { trusted: false, code, rule, signers, findings, attestations, message, hint: hints[code] };
}

/** Says why fewer identities count than the rule requires, or that there is no rule. */
export function refusalForTooFew(found: Found): RefusedDecision {
  const { question, rule, findings, signers } = found;
  if (rule === undefined) {
    return refusal(found, 'NO_RULE', `no rule says who may sign ${question.repository}`);
  }
  if (rule.of.length === 0) {
    return refusal(found, 'RULE_CLOSED', `the rule for ${displayPrefix(rule.prefix)} lists nobody`);
  }
  if (signers.length > 0) {
    return refusal(found, 'TOO_FEW_SIGNERS', tooFewReason(rule, findings, signers));
  }
  for (const [code, refusalCode] of reasons) {
    const finding = findings.find((candidate) => candidate.code === code);
    if (finding !== undefined) return refusal(found, refusalCode, reasonOf(finding));
  }
  return refusal(found, 'UNSIGNED', 'it has no signature');
}

/** What explains that nobody counts, the most telling first. */
const reasons: readonly (readonly [FindingCode, RefusalCode])[] = [
  ['KEY_REVOKED', 'KEY_REVOKED'],
  ['EXPIRED', 'EXPIRED'],
  ['NOT_YET_VALID', 'NOT_YET_VALID'],
  // These lack nothing but the proof, so what was signed beside them for other tags or images explains less.
  ['UNWITNESSED', 'UNWITNESSED'],
  ['PROOF_INVALID', 'PROOF_INVALID'],
  ['NOT_LOGGED', 'NOT_LOGGED'],
  ['OTHER_TAG', 'OTHER_TAG'],
  ['NO_TAG', 'NO_TAG'],
  ['OTHER_REPOSITORY', 'OTHER_REPOSITORY'],
  ['OTHER_DIGEST', 'OTHER_DIGEST'],
  ['SIGNATURE_INVALID', 'SIGNATURE_INVALID'],
  ['OVER_LIMIT', 'TOO_MANY_SIGNATURES'],
  ['NOT_IN_RULE', 'UNTRUSTED_KEY'],
  ['REFRESHES', 'UNTRUSTED_KEY'],
  ['MOVES_TAG', 'UNTRUSTED_KEY'],
  ['NO_END', 'UNTRUSTED_KEY'],
  ['OTHER_PREDICATE', 'OTHER_PREDICATE'],
  ['UNKNOWN_KEY', 'UNTRUSTED_KEY'],
  ['MALFORMED', 'SIGNATURE_MALFORMED'],
];

function reasonOf({ code, identity, message }: Finding): string {
  switch (code) {
    case 'SIGNATURE_INVALID':
      return `a signature that names the key of ${identity?.name} was changed or is not by that key`;
    case 'REFRESHES':
      return `${identity?.name} may only extend what others have signed`;
    case 'MOVES_TAG':
      return `${identity?.name} may only say what tags mean`;
    case 'OTHER_PREDICATE':
      return `what ${identity?.name} has signed about it is of another kind, and no signature`;
    case 'OVER_LIMIT':
      return `${message}, and none of those counts`;
    case 'UNKNOWN_KEY':
      return 'it is signed, but by no key that is trusted here';
    case 'MALFORMED':
      return `what is stored as its signature is malformed: ${message}`;
    default:
      return message;
  }
}

function tooFewReason(
  rule: TrustRule,
  findings: readonly Finding[],
  signers: readonly ImageSigner[],
): string {
  const names = signers.map(({ identity }) => identity.name).join(', ');
  const missed = findings.filter(({ identity }) => {
    return identity !== undefined && !signers.some((signer) => signer.identity === identity);
  });
  const more = findings.filter(({ code }) => code === 'OVER_LIMIT').map(({ message }) => message);
  const explanations = [...new Set([...missed.map(reasonOf), ...more])].map((text) => `; ${text}`).join('');
  return `it is signed by ${names} only, but must be by ${describeRule(rule)}${explanations}`;
}

const hints: { readonly [code in RefusalCode]: string } = {
  DENIED: 'use another version of the image; ask the publisher what is wrong with this one',
  NO_TAG_MOVER: 'run the image by its digest, or ask a tag mover to sign the tag with img sign',
  ATTESTATION_MISSING: 'ask the publisher for an image with it; img attest adds it',
  ROOT_EXPIRED: 'get a newer version of the trust root from its publisher: img trust import FILE',
  KEY_REVOKED: 'ask the publisher to sign again with a key that counts',
  NO_RULE: 'decide whom to trust for this name and add a rule with img trust add',
  RULE_CLOSED: 'add an identity to the rule with img trust add, or remove the rule',
  UNSIGNED: 'ask the publisher for a signed image, or sign it yourself with img sign',
  UNTRUSTED_KEY: 'if you trust the signer, get the public key from them and add it with img trust add',
  TOO_MANY_SIGNATURES:
    'somebody may hide the good ones among others: ask the publisher to remove what is no use',
  OTHER_PREDICATE: 'ask them to sign the image itself: img sign',
  TOO_FEW_SIGNERS: 'ask the missing signers to sign this image',
  OTHER_REPOSITORY: 'use the name that it was signed as, or ask a signer to sign it as this one',
  OTHER_DIGEST: 'the signature belongs to another image; ask the publisher to sign this one',
  OTHER_TAG: 'use the tag that it was signed as, or ask a signer to sign it as this one',
  NO_TAG: 'run the image by its digest, or ask the signer to sign the tag with img sign',
  NOT_YET_VALID: 'check the clock of this machine and that of the signer',
  EXPIRED: 'pull again for a newer signature, or ask the publisher to sign again',
  ROLLBACK: 'the registry offers an older image than before; pull again, or ask the publisher',
  SEQUENCE_REUSED: 'the signers contradict each other; ask the publisher which image is right',
  NOT_LOGGED: 'pull again from the registry that has the log, or ask the publisher: img log add',
  PROOF_INVALID: 'pull again; if it stays so, tell the publisher: somebody may have forged it',
  UNWITNESSED: 'ask whoever runs the log why its witnesses do not sign; img log add gets a newer proof',
  SIGNATURE_INVALID: 'pull again; if it stays so, tell the publisher',
  SIGNATURE_MALFORMED: 'pull again; if it stays so, ask the publisher to sign again',
};
