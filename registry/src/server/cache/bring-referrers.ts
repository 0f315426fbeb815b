import type { Digest } from '@img/spec/digest';
import { limits } from '@img/spec/limits';
import { findCheck, noteCheck } from '../../metadata/cache/checks.ts';
import { ofOneRow } from '../../metadata/database.ts';
import { findManifestHead } from '../../metadata/manifests.ts';
import { forEachParallel } from '../../transfer/parallel.ts';
import { fetchManifest } from './bring-manifest.ts';
import { type CachedRepository, deadlineOf, type Stale } from './cached-repository.ts';
import { storeCopy } from './store-copy.ts';
import { unlessUpstreamFails } from './unless-upstream-fails.ts';
import { isGeneralFailure, isUpstreamFailure } from './upstream-failure.ts';

/** More than this many are not brought for one image; whoever wants them gets them by their digests. */
const mostReferrers = limits.signaturesPerImage * 4;
const parallelRequests = 4;

/** Brings the manifests that are attached to an image upstream, so that the list of them here is that one. */
export async function bringReferrers(copy: CachedRepository, subject: Digest): Promise<Stale | undefined> {
  const { name, services, upstream } = copy;
  const { database, clock, cache } = services;
  const checkedAt = await findCheck(database, name, subject);
  if (checkedAt !== undefined && checkedAt > clock() - upstream.freshMs) return undefined;
  const isHere = (await findManifestHead(database, name, { digest: subject })) !== undefined;
  return unlessUpstreamFails(copy, { reference: subject, isHere }, () => {
    return cache.shared.run(`referrers ${name}@${subject}`, () => refresh(copy, subject));
  });
}

async function refresh(copy: CachedRepository, subject: Digest): Promise<void> {
  const { name, remote, services } = copy;
  const listed = await remote.listReferrers(subject, { signal: deadlineOf(copy) });
  if (listed.length > mostReferrers) {
    services.log.warn(
      { repository: name, subject, count: listed.length },
      'only the first referrers are brought',
    );
  }
  const wanted = listed.slice(0, mostReferrers);
  await forEachParallel(wanted, parallelRequests, services.cache.signal, ({ digest }) => bring(copy, digest));
  const { database, clock } = services;
  await database.transaction((writer) => noteCheck(writer, name, subject, clock()), ofOneRow);
}

/** One that is broken must not hide the others. */
async function bring(copy: CachedRepository, digest: Digest): Promise<void> {
  try {
    await fetchManifest(copy, digest, storeCopy);
  } catch (error) {
    if (isGeneralFailure(error) || !isUpstreamFailure(error)) throw error;
    copy.services.log.warn({ err: error, repository: copy.name, digest }, 'a referrer was not brought');
  }
}
