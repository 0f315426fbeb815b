import { parseBundle, withProof } from '@img/sign/bundle';
import { parseInToto } from '@img/sign/in-toto';
import { checkProof } from '@img/sign/log/check-proof';
import type { KnownLog } from '@img/sign/log/known-log';
import { SignError } from '@img/sign/sign-error';
import type { Digest } from '@img/spec/digest';
import type { RepositoryName } from '@img/spec/repository-name';
import { RegistryError } from '../registry-error.ts';
import { type AttachedBundle, attachedBundles } from '../transfer/collect-evidence.ts';
import type { ContentOptions, ContentSource, ContentTarget, ReferrerRemover } from '../transfer/content.ts';

/** A log that signatures of a repository are added to. */
export type SignatureLog = {
  readonly log: KnownLog;
  readonly repository: RepositoryName;
  /** Adds a bundle and returns its proof, unverified. */
  add(bundle: Uint8Array, options?: ContentOptions): Promise<string>;
};

/**
 * Adds the signatures of a digest to a log, as far as they have no proof of it yet, and keeps the proofs with them: the
 * manifest of a bundle is replaced by one with the proof in it.
 *
 * @returns how many were added
 * @throws RegistryError ANSWER_INVALID if the log proves something else; what the place and the log throw
 */
export async function logSignatures(
  place: ContentSource & ContentTarget & ReferrerRemover,
  digest: Digest,
  { log, repository, add }: SignatureLog,
  options: ContentOptions = {},
): Promise<number> {
  let added = 0;
  for (const { referrer, manifest, bytes, proof } of await bundlesFor(place, digest, repository, options)) {
    if (checkProof(bytes, proof, log).problem === undefined) continue;
    const proven = withProof(manifest, await proveIn({ log, repository, add }, bytes, options));
    await place.putManifest(proven, options);
    if (proven.descriptor.digest !== referrer) await removeOld(place, digest, referrer, options);
    added += 1;
  }
  return added;
}

/** Adds a bundle to a log and checks the proof. @throws RegistryError ANSWER_INVALID; what the log throws */
export async function proveIn(
  { log, add }: SignatureLog,
  bundle: Uint8Array,
  options: ContentOptions = {},
): Promise<string> {
  const proof = await add(bundle, options);
  const checked = checkProof(bundle, proof, { ...log, requireWitnesses: 0 });
  if (checked.problem === undefined) return proof;
  throw new RegistryError(
    'ANSWER_INVALID',
    `the log ${log.key.name} took a signature that ${checked.message}`,
  );
}

/** Those whose statements are about the repository: others are for other logs, or for none. */
async function bundlesFor(
  place: ContentSource,
  digest: Digest,
  repository: RepositoryName,
  options: ContentOptions,
): Promise<readonly AttachedBundle[]> {
  const bundles = await attachedBundles(place, digest, options);
  return bundles.filter(({ bytes }) => {
    try {
      return parseInToto(parseBundle(bytes).envelope.payload)?.repository === repository;
    } catch (error) {
      if (error instanceof SignError) return false;
      throw error;
    }
  });
}

// A registry may let nobody delete: then the signature stands there twice, and counts once.
async function removeOld(
  place: ReferrerRemover,
  subject: Digest,
  referrer: Digest,
  options: ContentOptions,
): Promise<void> {
  try {
    await place.removeReferrer(subject, referrer, options);
  } catch (error) {
    const isRefused =
      error instanceof RegistryError && (error.code === 'ACCESS_DENIED' || error.code === 'REQUEST_REFUSED');
    if (!isRefused) throw error;
  }
}
