import type { Digest } from '@img/spec/digest';
import { findManifestHead } from '../../metadata/manifests.ts';
import { type CachedRepository, deadlineOf } from './cached-repository.ts';
import type { KeepManifest } from './store-copy.ts';
import { unlessUpstreamFails } from './unless-upstream-fails.ts';

/**
 * Gets a manifest from the upstream if it isn't here; what a digest means never changes.
 *
 * @throws what `unlessUpstreamFails` does
 */
export async function bringManifest(
  copy: CachedRepository,
  digest: Digest,
  keep: KeepManifest,
): Promise<void> {
  await unlessUpstreamFails(copy, { reference: digest, isHere: false }, () =>
    fetchManifest(copy, digest, keep),
  );
}

/**
 * {@link bringManifest} with the failures as they are.
 *
 * @throws RegistryError
 */
export async function fetchManifest(
  copy: CachedRepository,
  digest: Digest,
  keep: KeepManifest,
): Promise<void> {
  const { name, services, remote } = copy;
  if ((await findManifestHead(services.database, name, { digest })) !== undefined) return;
  await services.cache.shared.run(`manifest ${name}@${digest}`, async () => {
    const content = await remote.getManifest(digest, { signal: deadlineOf(copy) });
    if (content !== undefined) await keep(copy, content);
  });
}
