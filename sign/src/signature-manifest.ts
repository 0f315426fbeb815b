import type { Descriptor } from '@img/spec/descriptor';
import type { Digest } from '@img/spec/digest';
import { limits } from '@img/spec/limits';
import { encodeManifest, type ImageManifest, parseImageManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import { referrersTag } from '@img/spec/routes';
import type { Tag } from '@img/spec/tag';
import { type Content, contentOf } from './content.ts';
import { maxSignaturesRead } from './evidence.ts';
import { SignError } from './sign-error.ts';
import { sshSignatureAnnotation } from './ssh-signature.ts';

/*
 * Simple signing stores the signatures of an image as the layers of one manifest under the tag
 * `sha256-<hex>.sig`. A layer is a payload; its annotation is the signature. Its media type must be OCI's:
 * podman refuses others.
 */

/** The media type of a payload. */
export const simpleSigningMediaType = 'application/vnd.dev.cosign.simplesigning.v1+json';

const signatureAnnotation = 'dev.cosignproject.cosign/signature';
// Ours: which key made the signature, so that a verifier with many keys need not try each.
const keyAnnotation = 'img.key';

/** One signature as the manifest lists it. */
export type SignatureLayer = {
  /** Of the payload, without annotations. */
  readonly payload: Descriptor;
  /** Standard base64; unparsed. */
  readonly signature: string;
  /** OpenSSH's fingerprint of the key, unverified; undefined where another tool signed. */
  readonly keyHint: string | undefined;
  /** For ssh-keygen, over the same bytes; unparsed. */
  readonly sshSignature?: string | undefined;
};

/** The tag under which readers look for the signatures of a manifest. */
export function signatureTag(digest: Digest): Tag {
  // A sha512 digest is cut as in the referrers tag schema: whole, it would be no valid tag.
  return `${referrersTag(digest)}.sig` as Tag;
}

/** The signatures in a manifest, at most as many as are read per image; other layers are left aside. */
export function signatureLayers(manifest: ImageManifest): readonly SignatureLayer[] {
  const found: SignatureLayer[] = [];
  for (const layer of manifest.layers) {
    const signature = signatureFrom(layer);
    if (signature !== undefined) found.push(signature);
    if (found.length === maxSignaturesRead) break;
  }
  return found;
}

/** The layer of a manifest for one signature. */
export function signatureLayer({ payload, signature, keyHint, sshSignature }: SignatureLayer): Descriptor {
  return {
    ...payload,
    annotations: {
      [signatureAnnotation]: signature,
      ...(keyHint !== undefined && { [keyAnnotation]: keyHint }),
      ...(sshSignature !== undefined && { [sshSignatureAnnotation]: sshSignature }),
    },
  };
}

/** A manifest of signatures, with its config, both to be stored. */
export type SignatureManifest = {
  readonly manifest: Content;
  readonly config: Content;
};

/**
 * Adds signatures to the manifest of signatures that is already there, or makes the first one. What is there
 * stays as it is and in its place; a signature that is there already isn't added again.
 *
 * @param existing the bytes now under the tag; undefined if there are none
 * @param layers from {@link signatureLayer}, or those of another copy's manifest of signatures
 * @returns undefined if nothing has to be stored
 * @throws SpecError if the existing bytes are not the manifest of one image; SignError SIGNATURES_TOO_MANY
 */
export function addSignatureLayers(
  existing: Uint8Array | undefined,
  layers: readonly Descriptor[],
): SignatureManifest | undefined {
  const before = existing === undefined ? undefined : parseImageManifest(existing);
  const all = [...(before?.layers ?? [])];
  for (const layer of layers) if (!all.some((other) => isSameSignature(other, layer))) all.push(layer);
  if (all.length === (before?.layers.length ?? 0)) return undefined;
  if (all.length > limits.signaturesPerImage) {
    throw new SignError(
      'SIGNATURES_TOO_MANY',
      `image would have ${all.length} signatures, more than the ${limits.signaturesPerImage} that are looked at`,
      { hint: 'remove signatures that are no longer needed' },
    );
  }
  return withLayers(before, all);
}

/**
 * Takes layers out of a manifest of signatures; the others stay as they are and in their order.
 *
 * @param existing the bytes now under the tag
 * @param isRemoved asked for every layer that is a signature, in order
 * @returns undefined if nothing has to be stored
 * @throws SpecError if the existing bytes are not the manifest of one image
 */
export async function removeSignatureLayers(
  existing: Uint8Array,
  isRemoved: (layer: SignatureLayer) => Promise<boolean>,
): Promise<SignatureManifest | undefined> {
  const before = parseImageManifest(existing);
  const left: Descriptor[] = [];
  for (const layer of before.layers) {
    const signature = signatureFrom(layer);
    if (signature === undefined || !(await isRemoved(signature))) left.push(layer);
  }
  return left.length === before.layers.length ? undefined : withLayers(before, left);
}

function withLayers(before: ImageManifest | undefined, layers: readonly Descriptor[]): SignatureManifest {
  const config = configOf(layers);
  const manifest = encodeManifest({
    kind: 'manifest',
    mediaType: mediaTypes.ociManifest,
    artifactType: before?.artifactType,
    config: config.descriptor,
    layers,
    subject: before?.subject,
    annotations: before?.annotations ?? {},
  });
  return { manifest: contentOf(mediaTypes.ociManifest, manifest), config };
}

function signatureFrom({ mediaType, digest, size, annotations }: Descriptor): SignatureLayer | undefined {
  const signature = annotations?.[signatureAnnotation];
  if (mediaType !== simpleSigningMediaType || signature === undefined) return undefined;
  const sshSignature = annotations?.[sshSignatureAnnotation];
  return {
    payload: { mediaType, digest, size },
    signature,
    keyHint: annotations?.[keyAnnotation],
    ...(sshSignature !== undefined && { sshSignature }),
  };
}

function isSameSignature(a: Descriptor, b: Descriptor): boolean {
  return (
    a.digest === b.digest && a.annotations?.[signatureAnnotation] === b.annotations?.[signatureAnnotation]
  );
}

// Nobody reads it, but image tools expect a config with one diff ID for each layer.
function configOf(layers: readonly Descriptor[]): Content {
  const json = {
    architecture: 'unknown',
    os: 'unknown',
    config: {},
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
  };
  return contentOf(mediaTypes.ociConfig, new TextEncoder().encode(JSON.stringify(json)));
}
