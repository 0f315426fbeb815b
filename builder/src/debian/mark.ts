import type { Candidate, Dependency } from './candidate.ts';
import { isCritical, type Selection } from './selection.ts';

/** Deeper chains of dependencies are given up; apt does so at 3000, but the deepest of Debian's has a few dozen. */
export const maxDepth = 1000;

type Mark = {
  readonly depth: number;
  /** Asked for by name: it stays chosen even if its dependencies can't be met, so that the error can tell why. */
  readonly isRequest: boolean;
};

/**
 * Chooses a package and what it needs, depth first, the way apt does: dependencies that already hold choose
 * nothing; of alternatives the first that works is taken; a package that conflicts with the new one is dropped
 * unless it is being put together itself.
 *
 * @returns whether the package is chosen with everything that it needs
 */
export function chooseWithDependencies(selection: Selection, name: string, mark: Mark): boolean {
  const candidate = selection.available(name);
  if (candidate === undefined || mark.depth > maxDepth) return false;
  const isChosen = selection.chosen(name) !== undefined;
  const wasFixed = selection.isFixed(name);
  if (!mark.isRequest && !isChosen && wasFixed) return false;
  if (!wasFixed && isChosen && !selection.isBroken(name)) return true;
  if (!isInstallable(selection, candidate)) return false;
  if (mark.isRequest) selection.choose(candidate);

  // What a fixed package needs is fixed too where there is no choice, so it looks at all its dependencies.
  const open = candidate.dependencies.filter(
    (dependency) => isCritical(dependency) && (wasFixed || !selection.holds(dependency, name)),
  );
  const conflicts = open.filter(({ kind }) => kind === 'conflicts');
  const depends = open.filter(({ kind }) => kind === 'depends');
  const failsEarly = !wasFixed && !mark.isRequest;
  const isClear = removeConflicting(selection, candidate, conflicts, failsEarly);
  if (!isClear && failsEarly) return false;
  selection.choose(candidate);
  selection.fix(name);
  const isMet = chooseAll(selection, candidate, depends, { ...mark, wasFixed });
  if (!wasFixed) selection.unfix(name);
  if (!isMet && failsEarly) selection.discard(name);
  return isClear && isMet;
}

/** A package with a dependency that nothing can meet is not looked at again. */
function isInstallable(selection: Selection, candidate: Candidate): boolean {
  const { name } = candidate.package;
  const isPossible = candidate.dependencies.every(
    (dependency) =>
      dependency.kind !== 'depends' ||
      selection.holds(dependency, name) ||
      selection.canHold(dependency, name),
  );
  if (!isPossible && !selection.isFixed(name)) selection.discard(name);
  return isPossible;
}

function removeConflicting(
  selection: Selection,
  { package: { name } }: Candidate,
  conflicts: readonly Dependency[],
  failsEarly: boolean,
): boolean {
  let isClear = true;
  for (const { alternatives } of conflicts) {
    for (const relation of alternatives) {
      for (const other of byPreference(
        selection,
        relation.name,
        selection.availableFor(relation, name, true),
      )) {
        const otherName = other.package.name;
        if (selection.chosen(otherName) !== undefined && !selection.drop(otherName)) {
          isClear = false;
          if (failsEarly) return false;
        } else if (selection.isFixed(name)) {
          selection.discard(otherName);
          selection.fix(otherName);
        }
      }
    }
  }
  return isClear;
}

function chooseAll(
  selection: Selection,
  { package: { name } }: Candidate,
  dependencies: readonly Dependency[],
  mark: Mark & { readonly wasFixed: boolean },
): boolean {
  const next: Mark = { depth: mark.depth + 1, isRequest: false };
  let isMet = true;
  for (const dependency of dependencies) {
    if (selection.holds(dependency, name)) {
      if (mark.wasFixed && !fixOnlySolution(selection, dependency, name, next)) isMet = false;
    } else if (!chooseOne(selection, dependency, name, { next, wasFixed: mark.wasFixed })) {
      isMet = false;
      if (!mark.wasFixed && !mark.isRequest) return false;
    }
  }
  return isMet;
}

function fixOnlySolution(selection: Selection, dependency: Dependency, owner: string, next: Mark): boolean {
  const solutions = new Set(solutionsOf(selection, dependency, owner));
  const [only] = solutions;
  if (only === undefined || solutions.size > 1 || selection.isFixed(only.package.name)) return true;
  selection.fix(only.package.name);
  return chooseWithDependencies(selection, only.package.name, next);
}

function chooseOne(
  selection: Selection,
  dependency: Dependency,
  owner: string,
  { next, wasFixed }: { readonly next: Mark; readonly wasFixed: boolean },
): boolean {
  const solutions = solutionsOf(selection, dependency, owner);
  for (const solution of solutions) {
    const { name } = solution.package;
    if (selection.available(name) !== solution) continue;
    if (wasFixed && solutions.length === 1) {
      selection.choose(solution);
      selection.fix(name);
    }
    if (chooseWithDependencies(selection, name, next)) return true;
  }
  return false;
}

/** What can meet a dependency, best first; without packages that were ruled out for good. */
function solutionsOf(
  selection: Selection,
  { alternatives }: Dependency,
  owner: string,
): readonly Candidate[] {
  return alternatives
    .flatMap((relation) =>
      byPreference(selection, relation.name, selection.availableFor(relation, owner, false)),
    )
    .filter(({ package: { name } }, index, all) => all[index - 1] !== all[index] && isOpen(selection, name));
}

function isOpen(selection: Selection, name: string): boolean {
  return !selection.isFixed(name) || selection.chosen(name) !== undefined;
}

/** Fixed ones first, then the package that has the name, then essential ones, then by priority, then apt's order. */
function byPreference(
  selection: Selection,
  target: string,
  candidates: readonly Candidate[],
): readonly Candidate[] {
  const rank = (candidate: Candidate): readonly number[] => {
    const { name } = candidate.package;
    return [
      selection.isFixed(name) ? 0 : 1,
      name === target ? 0 : 1,
      candidate.isEssential ? 0 : 1,
      candidate.isProtected ? 0 : 1,
      candidate.priority,
      -selection.catalog.orderOf(name),
    ];
  };
  return candidates
    .map((candidate) => ({ candidate, rank: rank(candidate) }))
    .sort((a, b) => compareRanks(a.rank, b.rank))
    .map(({ candidate }) => candidate);
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const difference = value - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
