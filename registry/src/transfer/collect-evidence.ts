import { bundleMediaType } from '@img/sign/bundle';
import type { Evidence, SimpleSignature } from '@img/sign/evidence';
import { signatureLayers, signatureTag } from '@img/sign/signature-manifest';
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
 * Finds the signatures attached to a digest, in both encodings, unverified. Of each encoding at most as many are
 * read as are looked at per image. What is missing, too long or not a signature is left out, because it proves
 * nothing; content that is not what its digest says is an error, because somebody changed it.
 *
 * @throws RegistryError DIGEST_MISMATCH, CONTENT_CORRUPT and others, as the source does
 */
export async function collectEvidence(
  source: ContentSource,
  digest: Digest,
  options: ContentOptions = {},
): Promise<Evidence> {
  const [simpleSignatures, bundles] = await Promise.all([
    simpleSignaturesOf(source, digest, options),
    attachedBundles(source, digest, options),
  ]);
  return { simpleSignatures, bundles: bundles.map(({ bytes }) => bytes) };
}

async function simpleSignaturesOf(
  source: ContentSource,
  digest: Digest,
  options: ContentOptions,
): Promise<readonly SimpleSignature[]> {
  const manifest = await imageManifest(source, signatureTag(digest), options);
  const layers = manifest === undefined ? [] : signatureLayers(manifest);
  return await readAll(layers, options, async ({ payload, signature, keyHint }, signal) => {
    const bytes = await readSmall(source, payload, signal);
    return bytes === undefined ? undefined : { payload: bytes, signature, keyHint };
  });
}

/** A bundle and the manifest that attaches it. */
export type AttachedBundle = { readonly referrer: Digest; readonly bytes: Uint8Array };

/** The bundles attached to a digest, also those that are no signatures of it, in the order in which they are listed. */
export async function attachedBundles(
  source: ContentSource,
  digest: Digest,
  options: ContentOptions = {},
): Promise<readonly AttachedBundle[]> {
  const referrers = (await source.listReferrers(digest, options))
    .filter(
      ({ mediaType, artifactType }) => isManifestMediaType(mediaType) && artifactType === bundleMediaType,
    )
    .slice(0, limits.signaturesPerImage);
  return await readAll(referrers, options, async (referrer, signal) => {
    const manifest = await imageManifest(source, referrer.digest, { signal });
    // A list of referrers is only a claim; the manifest itself says what it belongs to.
    if (manifest?.subject?.digest !== digest) return undefined;
    const bundle = manifest.layers.find(({ mediaType }) => mediaType === bundleMediaType);
    const bytes = bundle === undefined ? undefined : await readSmall(source, bundle, signal);
    return bytes === undefined ? undefined : { referrer: referrer.digest, bytes };
  });
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
): Promise<Uint8Array | undefined> {
  if (descriptor.size > limits.signatureBytes) return undefined;
  try {
    return await readBlob(source, descriptor, limits.signatureBytes, signal === undefined ? {} : { signal });
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
