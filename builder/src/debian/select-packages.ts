import type { Candidate, DependencyKind } from './candidate.ts';
import type { Catalog } from './catalog.ts';
import { closureOf } from './closure.ts';
import { chooseWithDependencies } from './mark.ts';
import { repair } from './repair.ts';
import { Selection } from './selection.ts';

/**
 * The set of packages that `apt-get install --no-install-recommends` would install on an empty system, where
 * nothing counts as essential unless it is asked for.
 */
export function selectPackages(
  catalog: Catalog,
  architecture: string,
  requests: readonly Candidate[],
): Selection {
  const selection = new Selection(catalog, architecture);
  for (const request of requests) {
    const { name } = request.package;
    selection.request(name);
    selection.fix(name);
    selection.choose(request);
  }
  for (const request of requests) {
    chooseWithDependencies(selection, request.package.name, { depth: 0, isRequest: true });
  }
  repair(selection);
  sweep(selection);
  return selection;
}

// apt doesn't drop what something chosen recommends or suggests, though it wouldn't have chosen it for that.
const keepingKinds: ReadonlySet<DependencyKind> = new Set(['depends', 'recommends', 'suggests']);

/** Drops what was chosen for a package that was given up later, and nothing else needs. */
function sweep(selection: Selection): void {
  const roots = selection.allChosen().filter((candidate) => isRoot(selection, candidate));
  const needed = closureOf(selection, roots, { kinds: keepingKinds });
  for (const candidate of selection.allChosen()) {
    if (!needed.has(candidate)) selection.drop(candidate.package.name);
  }
}

function isRoot(selection: Selection, { package: { name }, isEssential, isProtected }: Candidate): boolean {
  return selection.isRequested(name) || selection.isFixed(name) || isEssential || isProtected;
}
