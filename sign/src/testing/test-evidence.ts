import { parseImageManifest } from '@img/spec/manifest';
import { bundleMediaType } from '../bundle.ts';
import type { Evidence } from '../evidence.ts';
import { signImages } from '../sign-image.ts';
import { signatureLayers } from '../signature-manifest.ts';
import type { Signer } from '../signer.ts';
import { sshSignatureAnnotation } from '../ssh-signature.ts';
import type { Claim } from '../statement.ts';
import { testClaim, testImage } from './test-claim.ts';

export const noEvidence: Evidence = { simpleSignatures: [], bundles: [] };

/** What a registry holds after a signer has signed the image with this digest digit. */
export async function signedEvidence(
  signer: Signer,
  claim: Partial<Claim> = {},
  digit = 'a',
): Promise<Evidence> {
  const image = { descriptor: testImage(digit), existingSignatures: undefined };
  const { blobs, manifests } = await signImages(signer, { ...testClaim, ...claim }, [image]);
  const bytesOf = (digest: string) =>
    blobs.find(({ descriptor }) => descriptor.digest === digest)?.bytes ?? new Uint8Array();
  return {
    simpleSignatures: manifests.flatMap(({ bytes }) => {
      const layers = signatureLayers(parseImageManifest(bytes));
      return layers.map(({ payload, ...named }) => ({ payload: bytesOf(payload.digest), ...named }));
    }),
    bundles: blobs
      .filter(({ descriptor }) => descriptor.mediaType === bundleMediaType)
      .map(({ bytes }) => bytes),
    sshSignatures: manifests.flatMap(({ bytes, subject }) => {
      return subject === undefined ? [] : [parseImageManifest(bytes).annotations[sshSignatureAnnotation]];
    }),
  };
}

/** All evidence together, as it is found attached to one image. */
export function joined(...parts: readonly Evidence[]): Evidence {
  return {
    simpleSignatures: parts.flatMap(({ simpleSignatures }) => simpleSignatures),
    bundles: parts.flatMap(({ bundles }) => bundles),
    proofs: parts.flatMap(({ bundles, proofs }) => bundles.map((_, index) => proofs?.[index])),
    sshSignatures: parts.flatMap(({ bundles, sshSignatures }) => {
      return bundles.map((_, index) => sshSignatures?.[index]);
    }),
  };
}
