import type {
  ContentOptions,
  ContentSource,
  ContentTarget,
  ManifestContent,
} from '@img/registry/transfer/content';
import { forEachParallel } from '@img/registry/transfer/parallel';
import { putSignatures } from '@img/registry/transfer/put-signatures';
import type { Annotations } from '@img/sign/annotation';
import type { Content } from '@img/sign/content';
import { nextSequence } from '@img/sign/next-sequence';
import { type ImageToSign, manifestsToSign, type SignedImages, signImages } from '@img/sign/sign-image';
import { signatureTag } from '@img/sign/signature-manifest';
import type { Signer } from '@img/sign/signer';
import type { Claim, Statement } from '@img/sign/statement';
import type { UnixTime } from '@img/sign/unix-time';
import type { Digest } from '@img/spec/digest';
import { parseManifest } from '@img/spec/manifest';
import type { RegistryHost } from '@img/spec/registry-host';
import type { Signing } from './known-statements.ts';
import type { SigningJournal } from './signing-journal.ts';

export type SignTagsRequest = Signing & {
  readonly journal: SigningJournal;
  /** Where the image is and the signatures go. */
  readonly place: ContentSource & ContentTarget;
  readonly registry: RegistryHost;
  /** The manifest or index to sign. */
  readonly content: ManifestContent;
  readonly signer: Signer;
  /** Earlier statements about the tags. */
  readonly known: readonly Statement[];
  readonly issued: UnixTime;
  readonly expires: UnixTime | undefined;
  readonly annotations?: Annotations | undefined;
};

/** How many blobs or manifests are on their way at the same time. */
const atOnce = 4;

/** One statement that was made. */
export type SignedTag = Pick<Claim, 'tag' | 'sequence' | 'expires'> & { readonly digest: Digest };

/**
 * States of every tag that it means the image, or, without a tag, only that the image is of this repository; signs
 * the statements and stores them beside the image.
 *
 * @throws SignError; what the place and the signer throw
 */
export async function signTags(
  request: SignTagsRequest,
  options: ContentOptions,
): Promise<readonly SignedTag[]> {
  const { registry, repository, digest, tags, issued, expires, annotations } = request;
  const signed: SignedTag[] = [];
  for (const tag of tags.length === 0 ? [undefined] : tags) {
    const sequence = tag === undefined ? undefined : nextSequence(request.known, { repository, tag, digest });
    const claim: Claim = { registry, repository, tag, sequence, issued, expires, annotations };
    await signClaim(request, claim, options);
    signed.push({ tag, sequence, expires, digest });
  }
  return signed;
}

/**
 * Signs one statement about an image and stores it beside the image.
 *
 * @throws SignError; what the place and the signer throw
 */
export async function signClaim(
  { content, place, signer, journal }: Pick<SignTagsRequest, 'content' | 'place' | 'signer' | 'journal'>,
  claim: Claim,
  options: ContentOptions,
): Promise<void> {
  const manifest = parseManifest(content.bytes, content.descriptor.mediaType);
  const images: ImageToSign[] = [];
  for (const descriptor of manifestsToSign(content.descriptor, manifest)) {
    const existing = await place.getManifest(signatureTag(descriptor.digest), options);
    images.push({ descriptor, existingSignatures: existing?.bytes });
  }
  const signed = await signImages(signer, claim, images);
  await journal.note(signed, claim);
  await storeSigned(await journal.proven(signed, options), place, options);
}

/** Stores what was signed beside the image. @throws what the place throws */
export async function storeSigned(
  { blobs, manifests }: SignedImages,
  place: ContentTarget,
  options: ContentOptions,
): Promise<void> {
  await forEachParallel(blobs, atOnce, options.signal, async ({ descriptor, bytes }, signal) => {
    await place.putBlob({ descriptor }, (offset) => once(bytes.subarray(offset)), { ...options, signal });
  });
  await forEachParallel(manifests, atOnce, options.signal, async ({ descriptor, bytes, tag }, signal) => {
    const content = { descriptor, bytes };
    const manifest = parseManifest(bytes, descriptor.mediaType);
    // Somebody else may have signed meanwhile: under a tag, signatures are merged.
    if (tag === undefined) await place.putManifest(content, { ...options, signal });
    else await putSignatures(place, { content, manifest, blobs: [], tag }, { ...options, signal });
  });
}

async function* once(bytes: Content['bytes']): AsyncGenerator<Uint8Array> {
  yield bytes;
}
