import type { RepositoryName } from '@img/spec/repository-name';
import type { RegistryRepository } from '../../client/registry-repository.ts';
import type { TagMove } from '../../metadata/tags.ts';
import type { Services } from '../services.ts';
import type { Upstream } from './upstream.ts';

/** Moves the tags of copies; nobody logs in with this name. */
export const cacheActor = '+cache';

/** A repository of this registry whose content comes from another one. */
export type CachedRepository = {
  readonly name: RepositoryName;
  readonly upstream: Upstream;
  /** What it is a copy of. */
  readonly remote: RegistryRepository;
  readonly services: Services;
};

/** What is served although the upstream doesn't confirm it, and why. */
export type Stale = { readonly reason: string };

/** By whom and when tags are moved that mean something else upstream. */
export function moveOf({ services }: CachedRepository): TagMove {
  return { actor: cacheActor, now: services.clock() };
}

/** Ends questions to the upstream that take too long, and all of them when the registry closes. */
export function deadlineOf({ services: { cache, limits } }: CachedRepository): AbortSignal {
  return AbortSignal.any([cache.signal, AbortSignal.timeout(limits.upstreamMs)]);
}
