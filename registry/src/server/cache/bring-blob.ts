import type { Descriptor } from '@img/spec/descriptor';
import type { Digest } from '@img/spec/digest';
import { findBlob } from '../../metadata/blobs.ts';
import { RegistryError } from '../../registry-error.ts';
import { storeStream } from '../uploads/store-blob.ts';
import { type CachedRepository, deadlineOf } from './cached-repository.ts';
import { Download } from './download.ts';

/** Gets a blob from the upstream if it isn't here, and waits until it is kept; nothing happens if there is none. */
export async function bringBlob(copy: CachedRepository, digest: Digest): Promise<void> {
  const found = await downloadBlob(copy, digest);
  const outcome = found instanceof Download ? await found.over : undefined;
  if (outcome?.status === 'rejected') throw outcome.reason;
}

/**
 * Begins to get a blob from the upstream, or joins whoever did.
 *
 * @returns undefined if there is no such blob upstream
 */
export async function downloadBlob(
  copy: CachedRepository,
  digest: Digest,
): Promise<Download | 'here' | undefined> {
  const { name, services } = copy;
  return services.cache.shared.run(
    `blob ${name}@${digest}`,
    () => begin(copy, digest),
    async (found) => (found instanceof Download ? found.over : undefined),
  );
}

/** What the upstream says of a blob; undefined if there is no such blob. */
export async function describeBlob(copy: CachedRepository, digest: Digest): Promise<Descriptor | undefined> {
  const { name, services, remote } = copy;
  const { cache, limits } = services;
  const descriptor = await cache.shared.run(`size ${name}@${digest}`, () => {
    return remote.headBlob(digest, { signal: deadlineOf(copy) });
  });
  if (descriptor === undefined || descriptor.size <= limits.blobBytes) return descriptor;
  throw new RegistryError('ANSWER_TOO_LONG', `blob ${digest} of ${remote.name} has ${descriptor.size} bytes`);
}

async function begin(copy: CachedRepository, digest: Digest): Promise<Download | 'here' | undefined> {
  const { name, services, remote } = copy;
  const { database, cache, limits, log } = services;
  if ((await findBlob(database, name, digest)) !== undefined) return 'here';
  const descriptor = await describeBlob(copy, digest);
  if (descriptor === undefined) return undefined;
  const download = await Download.begin({
    descriptor,
    open: (signal) => remote.getBlob(descriptor, { signal }),
    keep: (content) => storeStream(services, name, digest, content),
    folder: cache.folder,
    idleMs: limits.idleMs,
    signal: cache.signal,
  });
  void cache.inBackground(async () => {
    const outcome = await download.over;
    if (outcome.status === 'fulfilled') return;
    log.warn({ err: outcome.reason, repository: name, digest }, 'blob of the upstream is not kept');
  });
  return download;
}
