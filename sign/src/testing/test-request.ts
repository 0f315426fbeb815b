import { parseTag } from '@img/spec/tag';
import type { Decision } from '../decision.ts';
import { parseUnixTime } from '../unix-time.ts';
import type { VerifyRequest } from '../verify-image.ts';
import { testClaim, testDigest } from './test-claim.ts';
import { noEvidence } from './test-evidence.ts';
import { testPolicy, testRule } from './test-policy.ts';

/** A policy under which Alice or Bob is enough. */
export const oneOf = testPolicy(testRule('com.example.', 1, ['alice', 'bob']));

/** A policy that wants two of three. */
export const twoOf = testPolicy(testRule('com.example.', 2, ['alice', 'bob', 'carol']));

/** The question about `com.example.app:1.0` with digest a, a week after the test claim, without evidence. */
export function request(change: Partial<VerifyRequest>): VerifyRequest {
  return {
    repository: testClaim.repository,
    tag: parseTag('1.0'),
    digest: testDigest('a'),
    evidence: noEvidence,
    policy: oneOf,
    now: parseUnixTime('2026-12-01T00:00:00Z'),
    ...change,
  };
}

/** `trusted`, or the code of the refusal. */
export const outcome = (decision: Decision) => (decision.trusted ? 'trusted' : decision.code);
