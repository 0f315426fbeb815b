import { collectEvidence } from '@img/registry/transfer/collect-evidence';
import type { ContentOptions } from '@img/registry/transfer/content';
import type { Host } from '@img/runtime/host';
import { decide } from '@img/runtime/trust/decide';
import type { Decision } from '@img/sign/decision';
import { type RequiredAttestation, wantedPredicateTypes } from '@img/sign/required-attestation';
import { unixTimeOf } from '@img/sign/unix-time';
import type { Reference } from '@img/spec/reference';
import type { LocatedImage } from './locate-image.ts';

/**
 * What this host would decide if the image were started now. Remembers nothing.
 *
 * @throws as the place and the host's trust do
 */
export async function judgeImage(
  { repository, tag, digest }: Reference,
  { content, place }: LocatedImage,
  host: Host,
  { required = [], ...options }: ContentOptions & { readonly required?: readonly RequiredAttestation[] },
): Promise<Decision> {
  const image = {
    repository,
    // A digest says which image is meant; nobody needs to have signed the tag beside it.
    tag: digest === undefined ? tag : undefined,
    digest: content.descriptor.digest,
  };
  const trust = await host.trust();
  const predicateTypes = wantedPredicateTypes(trust.policy, repository, required);
  const evidence = await collectEvidence(place, image.digest, { ...options, predicateTypes });
  return await decide(image, evidence, trust, unixTimeOf(new Date()), required);
}
