import type { Descriptor } from '@img/spec/descriptor';
import type { Manifest } from '@img/spec/manifest';
import type { Tag } from '@img/spec/tag';
import { checkAnnotations } from './annotation.ts';
import { encodeBase64 } from './base64.ts';
import { bundleManifest, bundleMediaType, emptyConfig, encodeBundle } from './bundle.ts';
import { type Content, contentOf } from './content.ts';
import { preAuthEncoding } from './dsse.ts';
import { encodeInToto, inTotoPayloadType, signaturePredicateType } from './in-toto.ts';
import { SignError } from './sign-error.ts';
import {
  addSignatureLayers,
  signatureLayer,
  signatureTag,
  simpleSigningMediaType,
} from './signature-manifest.ts';
import { signed } from './signed.ts';
import type { Signer } from './signer.ts';
import { encodeSimpleSigning } from './simple-signing.ts';
import { signSsh } from './ssh-signature.ts';
import { type Claim, checkStatement } from './statement.ts';

/** One manifest to sign. */
export type ImageToSign = {
  readonly descriptor: Descriptor;
  /** The bytes now under the manifest's `signatureTag`; undefined if there are none. */
  readonly existingSignatures: Uint8Array | undefined;
};

/** A manifest to store, under its tag or, where it has none, by its digest alone. */
export type ManifestToStore = Content & {
  readonly tag: Tag | undefined;
  /** The image that the manifest is attached to as a referrer. */
  readonly subject: Descriptor | undefined;
};

/** Everything that has to be stored for a signature: first the blobs, then the manifests. */
export type SignedImages = {
  readonly blobs: readonly Content[];
  readonly manifests: readonly ManifestToStore[];
};

/**
 * What of an image has to be signed: the manifest and, if it is an index, its children, because podman checks
 * the signature of the child that it runs, and cosign that of the index.
 */
export function manifestsToSign(descriptor: Descriptor, manifest: Manifest): readonly Descriptor[] {
  return manifest.kind === 'index' ? [descriptor, ...manifest.manifests] : [descriptor];
}

/**
 * Signs manifests, each in both encodings, simple signing and a sigstore bundle, and each of those once more in the
 * way of ssh-keygen. Signing the same again with the
 * same key gives the same bytes; what is there is added to, never replaced.
 *
 * @throws SignError KEY_UNSUPPORTED, SIGNER_FAULTY, SIGNATURES_TOO_MANY, STATEMENT_INVALID; SpecError if the
 *   existing signatures are no manifest; whatever the signer throws
 */
export async function signImages(
  signer: Signer,
  claim: Claim,
  images: readonly ImageToSign[],
): Promise<SignedImages> {
  checkClaim(claim);
  if (signer.publicKey.algorithm !== 'ed25519') {
    throw new SignError('KEY_UNSUPPORTED', `key ${signer.publicKey.fingerprint} is not Ed25519`, {
      hint: 'sign with an Ed25519 key; ECDSA keys are accepted for verifying only',
    });
  }
  const blobs = new Map<string, Content>();
  const manifests: ManifestToStore[] = [];
  for (const image of images) {
    const signed = [await signSimple(signer, claim, image), await signBundle(signer, claim, image)];
    for (const blob of signed.flatMap((part) => part.blobs)) blobs.set(blob.descriptor.digest, blob);
    manifests.push(...signed.flatMap((part) => part.manifests));
  }
  return { blobs: [...blobs.values()], manifests };
}

async function signSimple(signer: Signer, claim: Claim, image: ImageToSign): Promise<SignedImages> {
  const { digest } = image.descriptor;
  const payload = contentOf(simpleSigningMediaType, encodeSimpleSigning(claim, digest));
  const signature = encodeBase64(await signed(signer, payload.bytes));
  const keyHint = signer.publicKey.fingerprint;
  const sshSignature = await signSsh(signer, payload.bytes);
  const layer = signatureLayer({ payload: payload.descriptor, signature, keyHint, sshSignature });
  const added = addSignatureLayers(image.existingSignatures, [layer]);
  if (added === undefined) return { blobs: [], manifests: [] };
  return {
    blobs: [payload, added.config],
    manifests: [{ ...added.manifest, tag: signatureTag(digest), subject: undefined }],
  };
}

async function signBundle(signer: Signer, claim: Claim, image: ImageToSign): Promise<SignedImages> {
  const payload = encodeInToto(claim, image.descriptor.digest);
  const signedBytes = preAuthEncoding(inTotoPayloadType, payload);
  const signature = await signed(signer, signedBytes);
  const keyId = signer.publicKey.fingerprint;
  const bytes = encodeBundle({ payloadType: inTotoPayloadType, payload, signature, keyId });
  const bundle = contentOf(bundleMediaType, bytes);
  const manifest = bundleManifest(bundle, image.descriptor, {
    created: claim.issued,
    predicateType: signaturePredicateType,
    sshSignature: await signSsh(signer, signedBytes),
  });
  return {
    blobs: [emptyConfig, bundle],
    manifests: [{ ...manifest, tag: undefined, subject: image.descriptor }],
  };
}

function checkClaim(claim: Claim): void {
  if ((claim.tag === undefined) !== (claim.sequence === undefined)) {
    throw new SignError('STATEMENT_INVALID', 'statement should have a sequence exactly if it has a tag');
  }
  checkAnnotations(claim.annotations ?? {});
  checkStatement(claim);
}
