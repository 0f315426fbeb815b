import type { Decision } from '@img/sign/decision';
import type { Evidence } from '@img/sign/evidence';
import { wantedPredicateTypes } from '@img/sign/required-attestation';
import { type VerifyRequest, verifyImage } from '@img/sign/verify-image';
import { collectEvidence } from './collect-evidence.ts';
import type { ContentOptions, ContentSource } from './content.ts';

/** A decision, and everything that it was made from: `explainDecision` shows the way from one to the other. */
export type Judgement = { readonly request: VerifyRequest; readonly decision: Decision };

/**
 * Reads what is attached to an image and decides with it. Every decision about an image is made this way, in hosts,
 * commands and registries alike: they differ in the policy and in what they remember, and in nothing else.
 *
 * @throws RegistryError as `collectEvidence` does
 */
export async function judgeImage(
  source: ContentSource,
  question: Omit<VerifyRequest, 'evidence'>,
  options: ContentOptions = {},
): Promise<Judgement> {
  return judge(question, await neededEvidence(source, question, options));
}

/** What {@link judge} needs, for questions that differ in the tag only. @throws as {@link judgeImage} */
export async function neededEvidence(
  source: ContentSource,
  { policy, repository, required, digest }: Omit<VerifyRequest, 'evidence' | 'tag' | 'now'>,
  options: ContentOptions = {},
): Promise<Evidence> {
  const predicateTypes = wantedPredicateTypes(policy, repository, required);
  return await collectEvidence(source, digest, { ...options, predicateTypes });
}

/** {@link judgeImage} with what was read before. */
export function judge(question: Omit<VerifyRequest, 'evidence'>, evidence: Evidence): Judgement {
  const request = { ...question, evidence };
  return { request, decision: verifyImage(request) };
}
