import type { CachedRepository, Stale } from './cached-repository.ts';
import { isGeneralFailure, isUpstreamFailure, refusalFor } from './upstream-failure.ts';

export type Wanted = {
  /** A tag, a digest, or `tags`, for the log. */
  readonly reference: string;
  /** Whether what is here is good enough if the upstream fails. */
  readonly isHere: boolean;
};

/**
 * Asks the upstream, unless it has just failed and what is wanted is here.
 *
 * @returns why what is here is served, if the upstream did not answer
 * @throws ProtocolError TOOMANYREQUESTS or DENIED, UpstreamError where nothing is here
 */
export async function unlessUpstreamFails(
  { name, upstream, services: { log, clock, limits, cache } }: CachedRepository,
  { reference, isHere }: Wanted,
  ask: () => Promise<void>,
): Promise<Stale | undefined> {
  const { registry } = upstream;
  const stale: Stale = { reason: `${registry} can't be asked, this is what it had before` };
  if (isHere && upstream.isPaused(clock())) return stale;
  try {
    await ask();
    return undefined;
  } catch (error) {
    if (cache.signal.aborted || !isUpstreamFailure(error)) throw error;
    if (isGeneralFailure(error)) upstream.pauseUntil(clock() + limits.upstreamPauseMs);
    if (!isHere) throw refusalFor(registry, error, limits.upstreamPauseMs);
    log.warn(
      { err: error, upstream: registry, repository: name, reference },
      'upstream fails, the copy is served',
    );
    return stale;
  }
}
