import type { ContentOptions } from '@img/registry/transfer/content';
import type { Judgement } from '@img/registry/transfer/judge-image';
import type { Host } from '@img/runtime/host';
import { decide } from '@img/runtime/trust/decide';
import type { RequiredAttestation } from '@img/sign/required-attestation';
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
  options: ContentOptions & { readonly required?: readonly RequiredAttestation[] },
): Promise<Judgement> {
  const image = {
    repository,
    // A digest says which image is meant; nobody needs to have signed the tag beside it.
    tag: digest === undefined ? tag : undefined,
    digest: content.descriptor.digest,
  };
  return await decide(image, place, await host.trust(), { ...options, now: unixTimeOf(new Date()) });
}
