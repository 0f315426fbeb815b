import type { Decision } from '@img/sign/decision';
import { wantedPredicateTypes } from '@img/sign/required-attestation';
import { type VerifyRequest, verifyImage } from '@img/sign/verify-image';
import { collectEvidence } from './collect-evidence.ts';
import type { ContentOptions, ContentSource } from './content.ts';

/** A decision, and everything that it was made from: `explainDecision` shows the way from one to the other. */
export type Judgement = { readonly request: VerifyRequest; readonly decision: Decision };

/**
 * Reads what is attached to an image and decides with it. Every decision about an image is made here, in hosts,
 * commands and registries alike: they differ in the policy and in what they remember, and in nothing else.
 *
 * @throws RegistryError as `collectEvidence` does
 */
export async function judgeImage(
  source: ContentSource,
  question: Omit<VerifyRequest, 'evidence'>,
  options: ContentOptions = {},
): Promise<Judgement> {
  const { policy, repository, required, digest } = question;
  const predicateTypes = wantedPredicateTypes(policy, repository, required);
  const evidence = await collectEvidence(source, digest, { ...options, predicateTypes });
  const request = { ...question, evidence };
  return { request, decision: verifyImage(request) };
}
