import type { Digest } from '@img/spec/digest';
import { limits } from '@img/spec/limits';
import { quote } from '@img/spec/quote';
import type { RepositoryName } from '@img/spec/repository-name';
import { parseAttestation } from './attestation.ts';
import { parseBundle } from './bundle.ts';
import { preAuthEncoding } from './dsse.ts';
import type { Identity, IdentityId } from './identity.ts';
import { inTotoPayloadType } from './in-toto.ts';
import { provenanceType } from './predicate-type.ts';
import type { Fingerprint } from './public-key.ts';
import { SignError } from './sign-error.ts';
import { findBan, type TrustPolicy } from './trust-policy.ts';
import type { TrustRule } from './trust-rule.ts';

/** What became of one attestation. */
export type AttestationFinding = {
  /** Its place among the attestations, from 0. */
  readonly index: number;
  readonly code:
    | 'COUNTED'
    | 'MALFORMED'
    | 'UNKNOWN_KEY'
    | 'SIGNATURE_INVALID'
    | 'KEY_REVOKED'
    | 'NOT_IN_RULE'
    | 'OTHER_DIGEST';
  /** One clause for people. */
  readonly message: string;
  /** Undefined unless a known key signed it. */
  readonly predicateType: string | undefined;
  readonly identity: Identity | undefined;
  readonly key: Fingerprint | undefined;
};

export type AttestationQuestion = {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly policy: TrustPolicy;
  readonly rule: TrustRule | undefined;
};

/** Who may attest something of the images of a rule: of how they were built only its builders, if it has any. */
export function attestersIn(rule: TrustRule, predicateType: string): readonly IdentityId[] {
  const { of, builders = [] } = rule;
  if (builders.length === 0) return of;
  return predicateType === provenanceType ? builders : [...of, ...builders];
}

/** Checks attestations, whatever they hold. Costs no cryptography for keys that are not known. */
export function checkAttestations(
  attestations: readonly Uint8Array[],
  question: AttestationQuestion,
): readonly AttestationFinding[] {
  return attestations.map((bytes, index) => {
    const nobody = { predicateType: undefined, identity: undefined, key: undefined };
    try {
      return { ...nobody, index, ...judge(bytes, question) };
    } catch (error) {
      if (!(error instanceof SignError)) throw error;
      return { ...nobody, index, code: 'MALFORMED', message: error.message };
    }
  });
}

type Judged = Pick<AttestationFinding, 'code' | 'message'> & Partial<AttestationFinding>;

function judge(bytes: Uint8Array, { repository, digest, policy, rule }: AttestationQuestion): Judged {
  const { envelope, keyHint } = parseBundle(bytes, limits.attestationBytes);
  const { payloadType, payload, signature } = envelope;
  const hint = envelope.keyId || keyHint;
  const known = [...policy.identities.values()].flatMap(({ keys }) => keys);
  const key = known.find(({ fingerprint, spkiHash }) => fingerprint === hint || spkiHash === hint);
  if (key === undefined)
    return { code: 'UNKNOWN_KEY', message: `names the key ${quote(hint)}, which is not known here` };
  const identity = policy.owners.get(key.fingerprint);
  const by = { identity, key: key.fingerprint };
  if (!key.verify(preAuthEncoding(payloadType, payload), signature)) {
    return { ...by, code: 'SIGNATURE_INVALID', message: 'was changed, or is not by the key that it names' };
  }
  if (payloadType !== inTotoPayloadType) {
    return { ...by, code: 'MALFORMED', message: `holds ${quote(payloadType)}, not an in-toto statement` };
  }
  const { predicateType, digests } = parseAttestation(payload);
  const found = { ...by, predicateType };
  const name = identity?.name;
  const ban = findBan(policy.revoked.get(key.fingerprint), repository);
  if (ban !== undefined)
    return { ...found, code: 'KEY_REVOKED', message: `${name}'s key is revoked by ${ban.source}` };
  if (
    rule === undefined ||
    identity === undefined ||
    !attestersIn(rule, predicateType).includes(identity.id)
  ) {
    return { ...found, code: 'NOT_IN_RULE', message: `${name} may not attest ${predicateType} here` };
  }
  if (!digests.includes(digest))
    return { ...found, code: 'OTHER_DIGEST', message: `${name} attested it of another image` };
  return { ...found, code: 'COUNTED', message: `${name} attested ${predicateType}` };
}
