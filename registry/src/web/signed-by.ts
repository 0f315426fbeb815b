import { unixTimeOf } from '@img/sign/unix-time';
import { verifyImage } from '@img/sign/verify-image';
import { CodedError } from '@img/spec/coded-error';
import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';
import type { Services } from '../server/services.ts';
import { collectEvidence } from '../transfer/collect-evidence.ts';
import { type Html, html } from './html.ts';
import { repositorySource } from './repository-source.ts';

export type SignedImage = {
  readonly repository: RepositoryName;
  readonly tag: Tag | undefined;
  readonly digest: Digest;
};

/**
 * Who signed an image, as the registry's own keyring sees it. Hosts decide for themselves, with theirs: this is for
 * people to look at.
 */
export async function signedBy(services: Services, image: SignedImage): Promise<Html> {
  const { trust, clock } = services;
  try {
    const evidence = await collectEvidence(repositorySource(services, image.repository), image.digest);
    const count = evidence.bundles.length + evidence.simpleSignatures.length;
    if (trust === undefined)
      return count === 0 ? unsigned : html`<span class="quiet">somebody; not checked here</span>`;
    const now = unixTimeOf(new Date(clock()));
    const decision = verifyImage({ ...image, now, evidence, policy: trust });
    const names = decision.signers.map(({ identity }) => identity.name).join(', ');
    if (decision.trusted) return html`<span class="good">${names}</span>`;
    if (count === 0) return unsigned;
    return html`<span class="bad">${decision.message}</span>`;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return html`<span class="bad">not readable</span> <span class="quiet">${error.message}</span>`;
  }
}

const unsigned = html`<span class="quiet">nobody</span>`;
