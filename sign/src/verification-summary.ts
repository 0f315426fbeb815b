import { type Digest, digestAlgorithm, digestHex, digestOf } from '@img/spec/digest';
import type { Finding, TrustedDecision } from './decision.ts';
import { describeRule } from './trust-rule.ts';
import { formatUnixTime } from './unix-time.ts';
import type { VerifyRequest } from './verify-image.ts';

/*
 * What somebody who has decided about an image says of that, so that others need not decide again
 * (https://slsa.dev/spec/v1.0/verification_summary): the predicate of an attestation.
 */

export type VerificationSummary = {
  /** Who decided, as a URI. */
  readonly verifier: string;
  /** What the image is called, as a URI. */
  readonly resource: string;
  /** The bytes of the policy, and where it is, if others can get it. */
  readonly policy: { readonly digest: Digest; readonly uri: string | undefined };
};

// A level of SLSA's own would say how the image was built, which signatures don't.
const admittedLevel = 'IMG_TAG_ADMITTED';

const countedCodes: readonly string[] = ['COUNTED', 'MOVES_TAG', 'REFRESHES'];

/** The predicate, as the bytes of a JSON object. There is none of a refusal: tools take any statement of a key for praise. */
export function encodeVerificationSummary(
  { verifier, resource, policy }: VerificationSummary,
  request: VerifyRequest,
  { rule, findings }: TrustedDecision,
): Uint8Array {
  const predicate = {
    verifier: { id: verifier },
    timeVerified: formatUnixTime(request.now),
    resourceUri: resource,
    policy: {
      ...(policy.uri !== undefined && { uri: policy.uri }),
      digest: digestJson(policy.digest),
      annotations: { rule: describeRule(rule) },
    },
    inputAttestations: findings
      .filter(({ code }) => countedCodes.includes(code))
      .map((finding) => ({
        digest: digestJson(digestOf(bytesOf(finding, request))),
        annotations: { key: finding.key },
      })),
    verificationResult: 'PASSED',
    verifiedLevels: [admittedLevel],
    slsaVersion: '1.0',
  };
  return new TextEncoder().encode(JSON.stringify(predicate));
}

/** The blob that a finding is about: a bundle, or the payload of a simple signature. */
function bytesOf({ encoding, index }: Finding, { evidence }: VerifyRequest): Uint8Array {
  const bytes = encoding === 'bundle' ? evidence.bundles[index] : evidence.simpleSignatures[index]?.payload;
  return bytes ?? new Uint8Array();
}

function digestJson(digest: Digest): { readonly [algorithm: string]: string } {
  return { [digestAlgorithm(digest)]: digestHex(digest) };
}
