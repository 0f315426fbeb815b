import type { Candidate } from './candidate.ts';
import { Catalog, type SuiteIndex } from './catalog.ts';
import { acceptsVersion } from './dependency.ts';
import { findRequests, type RequestPlace } from './find-requests.ts';
import { type HeldPackages, releasePackages } from './held-packages.ts';
import { selectPackages } from './select-packages.ts';
import { isCritical, type Selection } from './selection.ts';

export type SelectHoldingOptions = {
  readonly architecture: string;
  /** Names as in `apt-get install`. */
  readonly packages: readonly string[];
  readonly held: HeldPackages;
  readonly place: RequestPlace;
};

/**
 * Selects packages and keeps the held versions of all but those that are in the way of something newer. The selection
 * may be broken, and then it is so without anything held.
 *
 * @throws BuilderError PACKAGE_UNKNOWN, PACKAGE_AMBIGUOUS, INDEX_INVALID
 */
export function selectHolding(
  indexes: readonly SuiteIndex[],
  { architecture, packages, held, place }: SelectHoldingOptions,
): { readonly selection: Selection; readonly requests: readonly Candidate[] } {
  for (let left = held; ; ) {
    const catalog = new Catalog(indexes, architecture, left);
    const requests = findRequests(catalog, packages, place);
    const selection = selectPackages(catalog, architecture, requests);
    const broken = selection.allChosen().filter(({ package: { name } }) => selection.isBroken(name));
    if (broken.length === 0 || left.size === 0) return { selection, requests };
    left = withoutObstacles(catalog, broken, left);
  }
}

/** Without the held versions that something broken, or what it needs, can't do with; without any if none are to blame. */
function withoutObstacles(catalog: Catalog, broken: readonly Candidate[], held: HeldPackages): HeldPackages {
  const obstacles: string[] = [];
  const reached = new Set(broken);
  // What is added to a set while it is walked is walked too.
  for (const { dependencies } of reached) {
    for (const { kind, alternatives } of dependencies.filter(isCritical)) {
      for (const relation of alternatives) {
        const version = held.get(relation.name)?.version;
        if (version !== undefined && acceptsVersion(relation, version) === (kind === 'conflicts')) {
          obstacles.push(relation.name);
        }
        const needed = kind === 'depends' ? catalog.candidate(relation.name) : undefined;
        if (needed !== undefined && version === undefined) reached.add(needed);
      }
    }
  }
  const attempts = [obstacles, broken.map((owner) => owner.package.name)];
  const fewer = attempts.map((names) => releasePackages(held, names));
  return fewer.find((left) => left.size < held.size) ?? new Map();
}
