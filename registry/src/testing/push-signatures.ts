import { type SignedImages, signImages } from '@img/sign/sign-image';
import { signatureTag } from '@img/sign/signature-manifest';
import type { Signer } from '@img/sign/signer';
import type { Claim } from '@img/sign/statement';
import { testClaim } from '@img/sign/testing/test-claim';
import type { Descriptor } from '@img/spec/descriptor';
import type { ContentTarget } from '../transfer/content.ts';
import { opened } from './content.ts';

/** Signs an image where it is, beside the signatures that are there: as number 1, for ever, if the claim doesn't say else. */
export async function pushSignatures(
  place: ContentTarget,
  signer: Signer,
  descriptor: Descriptor,
  claim: Partial<Claim>,
): Promise<void> {
  const existing = await place.getManifest(signatureTag(descriptor.digest));
  const signed = await signImages(signer, { ...testClaim, sequence: 1, expires: undefined, ...claim }, [
    { descriptor, existingSignatures: existing?.bytes },
  ]);
  await pushSigned(place, signed);
}

/** Stores what was signed. */
export async function pushSigned(place: ContentTarget, { blobs, manifests }: SignedImages): Promise<void> {
  for (const { descriptor, bytes } of blobs) await place.putBlob({ descriptor }, opened(bytes));
  for (const { tag, ...manifest } of manifests) {
    await place.putManifest(manifest, tag === undefined ? {} : { tag });
  }
}
