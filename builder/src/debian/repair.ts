import type { Candidate, Dependency } from './candidate.ts';
import { scoresOf } from './scores.ts';
import { isCritical, type Selection } from './selection.ts';

/** apt gives up after as many rounds. */
const maxRounds = 20;

/**
 * Makes a selection whole in which packages lack something or are in conflict: from the most important broken
 * package to the least, what it lacks is added if it must stay, it is dropped if not, and what it conflicts with is
 * dropped if that is less important. Like apt's, it doesn't search: it may end with something still broken.
 */
export function repair(selection: Selection): void {
  if (!selection.allChosen().some(({ package: { name } }) => selection.isBroken(name))) return;
  const scores = scoresOf(selection);
  const initial = new Map(scores);
  const tried = new Set<string>();
  for (let round = 0; round < maxRounds; round += 1) {
    let hasChanged = false;
    for (const name of byScore(selection, initial)) {
      const broken = selection.chosen(name);
      if (broken === undefined || !selection.isBroken(name)) continue;
      if (repairOne(broken, { selection, scores, tried, round })) hasChanged = true;
    }
    if (!hasChanged) return;
  }
}

type Repair = {
  readonly selection: Selection;
  readonly scores: Map<string, number>;
  /** Packages that were added to repair another one already. */
  readonly tried: Set<string>;
  readonly round: number;
};

function byScore(selection: Selection, scores: ReadonlyMap<string, number>): readonly string[] {
  const names = new Set([
    ...scores.keys(),
    ...selection.allChosen().map((candidate) => candidate.package.name),
  ]);
  return [...names].sort((a, b) => (scores.get(b) ?? 0) - (scores.get(a) ?? 0));
}

/** Whether something was changed. */
function repairOne(broken: Candidate, state: Repair): boolean {
  const { selection } = state;
  const { name } = broken.package;
  const inTheWay = new Set<string>();
  let hasChanged = false;
  for (const dependency of broken.dependencies) {
    if (!isCritical(dependency) || selection.holds(dependency, name)) continue;
    if (dependency.kind === 'conflicts') {
      const outcome = settleConflict(broken, dependency, inTheWay, state);
      if (outcome === 'dropped') return true;
    } else if (selection.isFixed(name)) {
      if (addMissing(broken, dependency, state)) hasChanged = true;
    } else {
      selection.drop(name);
      return true;
    }
  }
  return dropAll(broken, inTheWay, state) || hasChanged;
}

/** The less important one has to go; what is fixed stays. */
function settleConflict(
  broken: Candidate,
  { alternatives }: Dependency,
  inTheWay: Set<string>,
  { selection, scores }: Repair,
): 'dropped' | 'undecided' {
  const { name } = broken.package;
  for (const relation of alternatives) {
    for (const { package: other } of selection.chosenFor(relation, name, true)) {
      if ((scores.get(name) ?? 0) > (scores.get(other.name) ?? 0)) {
        if (!selection.isFixed(other.name)) inTheWay.add(other.name);
      } else if (!selection.isFixed(name)) {
        selection.drop(name);
        return 'dropped';
      }
    }
  }
  return 'undecided';
}

function dropAll(
  broken: Candidate,
  names: ReadonlySet<string>,
  { selection, scores, round }: Repair,
): boolean {
  const score = scores.get(broken.package.name) ?? 0;
  let hasChanged = false;
  for (const name of names) {
    const isDropped = selection.drop(name);
    if (isDropped) hasChanged = true;
    // What comes back again and again gets as important as what it is in conflict with, so that it stays.
    if ((!isDropped || round > 1) && score > (scores.get(name) ?? 0)) {
      scores.set(name, score);
      hasChanged = true;
    }
  }
  return hasChanged;
}

function addMissing(broken: Candidate, { alternatives }: Dependency, state: Repair): boolean {
  const { selection, scores } = state;
  const owner = broken.package.name;
  for (const relation of alternatives) {
    for (const { package: solution } of selection.availableFor(relation, owner, false)) {
      if (!add(solution.name, state)) continue;
      const score = scores.get(owner) ?? 0;
      if ((scores.get(solution.name) ?? 0) > score) scores.set(solution.name, score);
      return true;
    }
  }
  return false;
}

/** Adds a package and what it lacks, each at most once; undone if that doesn't work out. */
function add(name: string, state: Repair): boolean {
  const { selection, tried } = state;
  const candidate = selection.available(name);
  const wasChosen = selection.chosen(name) !== undefined;
  if (candidate === undefined || tried.has(name) || selection.isRequested(name)) return false;
  if (!wasChosen && selection.isFixed(name)) return false;
  tried.add(name);
  selection.choose(candidate);
  const isWhole = candidate.dependencies.every(
    (dependency) => !isCritical(dependency) || addOneOf(dependency, name, state),
  );
  if (!isWhole && !wasChosen) selection.drop(name);
  return isWhole;
}

function addOneOf(dependency: Dependency, owner: string, state: Repair): boolean {
  const { selection } = state;
  // A conflict is left to the next round.
  if (selection.holds(dependency, owner) || dependency.kind === 'conflicts') return true;
  return dependency.alternatives.some((relation) =>
    selection
      .availableFor(relation, owner, false)
      .slice(0, 1)
      .some(({ package: { name } }) => !selection.isFixed(name) && add(name, state)),
  );
}
