import type { Candidate, DependencyKind } from './candidate.ts';
import type { Selection } from './selection.ts';

/** Which edges a walk over dependencies takes. */
export type ClosureOptions = {
  readonly kinds: ReadonlySet<DependencyKind>;
  readonly isFollowed?: (owner: Candidate, needed: Candidate) => boolean;
};

/** The chosen packages that can be reached from the roots, which are among them. */
export function closureOf(
  selection: Selection,
  roots: readonly Candidate[],
  { kinds, isFollowed = () => true }: ClosureOptions,
): ReadonlySet<Candidate> {
  const reached = new Set(roots);
  // What is added to a set while it is walked is walked too.
  for (const owner of reached) {
    for (const { kind, alternatives } of owner.dependencies) {
      if (!kinds.has(kind)) continue;
      for (const relation of alternatives) {
        for (const needed of selection.chosenFor(relation, owner.package.name, false)) {
          if (isFollowed(owner, needed)) reached.add(needed);
        }
      }
    }
  }
  return reached;
}
