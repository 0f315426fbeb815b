import { bundleMediaType, predicateTypeAnnotation, proofAnnotation } from '@img/sign/bundle';
import { type Evidence, maxSignaturesRead, type SimpleSignature } from '@img/sign/evidence';
import { signaturePredicateType } from '@img/sign/in-toto';
import { signatureLayers, signatureTag } from '@img/sign/signature-manifest';
import { sshSignatureAnnotation } from '@img/sign/ssh-signature';
import type { Descriptor } from '@img/spec/descriptor';
import type { Digest } from '@img/spec/digest';
import { limits } from '@img/spec/limits';
import { type ImageManifest, parseManifest } from '@img/spec/manifest';
import { isManifestMediaType } from '@img/spec/media-types';
import { RegistryError } from '../registry-error.ts';
import type { ContentOptions, ContentSource } from './content.ts';
import { forEachParallel } from './parallel.ts';
import { readBlob } from './read-blob.ts';

const parallelReads = 4;

/**
 * Finds the signatures attached to a digest, in both encodings, unverified. Of each encoding at most one more
 * is read than is looked at per image. What is missing, too long or not a signature is left out, because it proves
 * nothing; content that is not what its digest says is an error, because somebody changed it.
 *
 * @throws RegistryError DIGEST_MISMATCH, CONTENT_CORRUPT and others, as the source does
 */
export async function collectEvidence(
  source: ContentSource,
  digest: Digest,
  { predicateTypes = [], ...options }: EvidenceOptions = {},
): Promise<Evidence> {
  const [simpleSignatures, bundles, attestations] = await Promise.all([
    simpleSignaturesOf(source, digest, options),
    attachedBundles(source, digest, options),
    attestationsOf(source, digest, predicateTypes, options),
  ]);
  const proofs = bundles.map(({ proof }) => proof);
  const sshSignatures = bundles.map(({ manifest }) => manifest.annotations[sshSignatureAnnotation]);
  return {
    simpleSignatures,
    bundles: bundles.map(({ bytes }) => bytes),
    ...(isAny(proofs) && { proofs }),
    ...(isAny(sshSignatures) && { sshSignatures }),
    ...(predicateTypes.length > 0 && { attestations }),
  };
}

function isAny(values: readonly (string | undefined)[]): boolean {
  return values.some((value) => value !== undefined);
}

export type EvidenceOptions = ContentOptions & {
  /** The types of attestations that are needed; others are not read. */
  readonly predicateTypes?: readonly string[];
};

async function attestationsOf(
  source: ContentSource,
  digest: Digest,
  predicateTypes: readonly string[],
  options: ContentOptions,
): Promise<readonly Uint8Array[]> {
  const found: Uint8Array[] = [];
  if (predicateTypes.length === 0) return found;
  const referrers = (await source.listReferrers(digest, options)).filter(isBundleReferrer);
  let left: number = limits.attestationsBytes;
  for (const type of predicateTypes) {
    // The annotation is unsigned: one that lies is left aside, or read for nothing.
    const ofType = referrers.filter(({ annotations }) => annotations?.[predicateTypeAnnotation] === type);
    for (const { digest: referrer } of ofType.slice(0, limits.attestationsPerType)) {
      const bundle = await bundleOf(source, digest, referrer, {
        ...options,
        maxBytes: Math.min(left, limits.attestationBytes),
      });
      if (bundle === undefined) continue;
      left -= bundle.bytes.byteLength;
      found.push(bundle.bytes);
    }
  }
  return found;
}

async function simpleSignaturesOf(
  source: ContentSource,
  digest: Digest,
  options: ContentOptions,
): Promise<readonly SimpleSignature[]> {
  const manifest = await imageManifest(source, signatureTag(digest), options);
  const layers = manifest === undefined ? [] : signatureLayers(manifest);
  return await readAll(layers, options, async ({ payload, ...named }, signal) => {
    const bytes = await readSmall(source, payload, signal);
    return bytes === undefined ? undefined : { payload: bytes, ...named };
  });
}

/** A bundle and the manifest that attaches it. */
export type AttachedBundle = {
  readonly referrer: Digest;
  readonly manifest: ImageManifest;
  readonly bytes: Uint8Array;
  /** That the bundle is in a log, unverified. */
  readonly proof: string | undefined;
};

/**
 * The bundles attached to a digest that may be signatures of it, in the order in which they are listed. What says of
 * itself that it is an attestation is left aside, so that many of those crowd out no signature.
 */
export async function attachedBundles(
  source: ContentSource,
  digest: Digest,
  options: ContentOptions = {},
): Promise<readonly AttachedBundle[]> {
  const referrers = (await source.listReferrers(digest, options))
    .filter((referrer) => isBundleReferrer(referrer) && isPossiblySignature(referrer))
    .slice(0, maxSignaturesRead);
  return await readAll(referrers, options, async ({ digest: referrer }, signal) => {
    return await bundleOf(source, digest, referrer, { signal, maxBytes: limits.signatureBytes });
  });
}

function isBundleReferrer({ mediaType, artifactType }: Descriptor): boolean {
  return isManifestMediaType(mediaType) && artifactType === bundleMediaType;
}

function isPossiblySignature({ annotations }: Descriptor): boolean {
  const type = annotations?.[predicateTypeAnnotation];
  return type === undefined || type === signaturePredicateType;
}

async function bundleOf(
  source: ContentSource,
  subject: Digest,
  referrer: Digest,
  { maxBytes, ...options }: ContentOptions & { readonly maxBytes: number },
): Promise<AttachedBundle | undefined> {
  const manifest = await imageManifest(source, referrer, options);
  // A list of referrers is only a claim; the manifest itself says what it belongs to.
  if (manifest?.subject?.digest !== subject) return undefined;
  const bundle = manifest.layers.find(({ mediaType }) => mediaType === bundleMediaType);
  const bytes = bundle && (await readSmall(source, bundle, options.signal, maxBytes));
  if (bytes === undefined) return undefined;
  return { referrer, manifest, bytes, proof: manifest.annotations[proofAnnotation] };
}

async function imageManifest(
  source: ContentSource,
  reference: Parameters<ContentSource['getManifest']>[0],
  options: ContentOptions,
): Promise<ImageManifest | undefined> {
  const content = await source.getManifest(reference, options);
  if (content === undefined) return undefined;
  const manifest = parseManifest(content.bytes, content.descriptor.mediaType);
  return manifest.kind === 'manifest' ? manifest : undefined;
}

/** A payload or bundle; undefined if it is missing, or longer than signatures are. */
export async function readSmall(
  source: ContentSource,
  descriptor: Descriptor,
  signal: AbortSignal | undefined,
  maxBytes: number = limits.signatureBytes,
): Promise<Uint8Array | undefined> {
  if (descriptor.size > maxBytes) return undefined;
  try {
    return await readBlob(source, descriptor, maxBytes, signal === undefined ? {} : { signal });
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'CONTENT_MISSING') return undefined;
    throw error;
  }
}

/** In the order of the items, whichever is read first. */
async function readAll<Item, Result>(
  items: readonly Item[],
  { signal }: ContentOptions,
  read: (item: Item, signal: AbortSignal) => Promise<Result | undefined>,
): Promise<readonly Result[]> {
  const results: (Result | undefined)[] = [];
  await forEachParallel(items.entries(), parallelReads, signal, async ([index, item], innerSignal) => {
    results[index] = await read(item, innerSignal);
  });
  return results.filter((result) => result !== undefined);
}
