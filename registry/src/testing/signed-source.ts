import { type SignedImages, signImages } from '@img/sign/sign-image';
import type { Signer } from '@img/sign/signer';
import type { Claim } from '@img/sign/statement';
import { testClaim, testImage } from '@img/sign/testing/test-claim';
import type { Digest } from '@img/spec/digest';
import { parseImageManifest } from '@img/spec/manifest';
import type { ContentSource } from '../transfer/content.ts';

/** A place that holds nothing but what a signer says of the test image with this digest digit. */
export async function signedSource(
  signer: Signer,
  claim: Partial<Claim> = {},
  digit = 'a',
): Promise<ContentSource> {
  const image = { descriptor: testImage(digit), existingSignatures: undefined };
  return attachmentsOnly(await signImages(signer, { ...testClaim, ...claim }, [image]));
}

function attachmentsOnly({ blobs, manifests }: SignedImages): ContentSource {
  return {
    name: 'a place with signatures',
    getManifest: async (reference) => {
      return manifests.find(({ tag, descriptor }) => reference === tag || reference === descriptor.digest);
    },
    getBlob: async function* ({ digest }) {
      for (const { descriptor, bytes } of blobs) if (descriptor.digest === digest) yield bytes;
    },
    listReferrers: async (wanted: Digest) => {
      return manifests
        .filter(({ subject }) => subject?.digest === wanted)
        .map(({ descriptor, bytes }) => {
          const { artifactType = '', annotations } = parseImageManifest(bytes);
          return { ...descriptor, artifactType, annotations };
        });
    },
  };
}
