import { forgetChecks } from '../../metadata/cache/checks.ts';
import { type IdleCopy, listIdleCopies, sumCopiedBytes } from '../../metadata/cache/copies.ts';
import { ofOneRow, type Reader } from '../../metadata/database.ts';
import { deleteManifest } from '../../metadata/delete-manifest.ts';
import type { Services } from '../services.ts';
import { cacheActor } from './cached-repository.ts';
import type { Upstream } from './upstream.ts';

/** What eviction needs of a registry. */
export type EvictionServices = Pick<Services, 'cache' | 'database' | 'clock' | 'log'> & {
  readonly sweeper: Pick<Services['sweeper'], 'wake'>;
};

/** Images per transaction, so that no request waits long for the database. */
const batchImages = 20;

/**
 * Lets go of copies that nobody has pulled for long, and of those pulled longest ago where there are too many; their
 * blobs go as those of deleted images do. Any number of processes may do it.
 */
export async function evictCopies(services: EvictionServices): Promise<void> {
  const { cache, database, clock, log, sweeper } = services;
  const longestFresh = Math.max(...cache.upstreams.map(({ freshMs }) => freshMs));
  await database.transaction((writer) => forgetChecks(writer, clock() - longestFresh), ofOneRow);
  for (const upstream of cache.upstreams) {
    let evicted = 0;
    for (let batch = batchImages; batch > 0 && !cache.signal.aborted; evicted += batch) {
      batch = (await hasTooMany(services, upstream)) ? await evictSome(services, upstream) : 0;
    }
    if (evicted === 0) continue;
    log.info({ upstream: upstream.registry, images: evicted }, 'copies were evicted');
    sweeper.wake();
  }
}

/** {@link evictCopies}, where failures are noted in the log: what was left is due again in the next round. */
export async function keepWithinBounds(services: Services): Promise<void> {
  try {
    await evictCopies(services);
  } catch (error) {
    services.log.error({ err: error }, 'evicting copies failed');
  }
}

/** Whether there is anything to evict, asked where no writer has to wait. */
async function hasTooMany({ database, clock }: EvictionServices, upstream: Upstream): Promise<boolean> {
  if ((await listOld(database, upstream, clock(), 1)).length > 0) return true;
  return (
    upstream.keepBytes !== undefined && (await sumCopiedBytes(database, upstream.range)) > upstream.keepBytes
  );
}

/** Asked again in the transaction that removes, so that several processes don't remove for the same reason. */
async function evictSome({ database, clock }: EvictionServices, upstream: Upstream): Promise<number> {
  const now = clock();
  return database.transaction(async (writer) => {
    const isTooLarge =
      upstream.keepBytes !== undefined && (await sumCopiedBytes(writer, upstream.range)) > upstream.keepBytes;
    const images = isTooLarge
      ? await listIdleCopies(writer, upstream.range, { pulledBefore: now + 1, limit: 1 })
      : await listOld(writer, upstream, now, batchImages);
    for (const { repository, digest } of images) {
      await deleteManifest(writer, repository, digest, { actor: cacheActor, now, reviewAt: now });
    }
    return images.length;
  });
}

async function listOld(
  reader: Reader,
  { range, keepMs }: Upstream,
  now: number,
  limit: number,
): Promise<readonly IdleCopy[]> {
  return keepMs === undefined ? [] : listIdleCopies(reader, range, { pulledBefore: now - keepMs, limit });
}
