import type { Candidate, Dependency } from './candidate.ts';
import { maxDepth } from './mark.ts';
import { scoresOf, unchosenScore } from './scores.ts';
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
    for (const name of byScore({ selection, scores: initial })) {
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

function scoreOf({ selection, scores }: Pick<Repair, 'selection' | 'scores'>, name: string): number {
  return scores.get(name) ?? unchosenScore(selection, name);
}

function byScore(state: Pick<Repair, 'selection' | 'scores'>): readonly string[] {
  const chosen = state.selection.allChosen().map((candidate) => candidate.package.name);
  const names = new Set([...state.scores.keys(), ...chosen]);
  return [...names].sort((a, b) => scoreOf(state, b) - scoreOf(state, a));
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
  state: Repair,
): 'dropped' | 'undecided' {
  const { selection } = state;
  const { name } = broken.package;
  for (const relation of alternatives) {
    for (const { package: other } of selection.chosenFor(relation, name, true)) {
      if (scoreOf(state, name) > scoreOf(state, other.name)) {
        if (!selection.isFixed(other.name)) inTheWay.add(other.name);
      } else if (!selection.isFixed(name)) {
        selection.drop(name);
        return 'dropped';
      }
    }
  }
  return 'undecided';
}

function dropAll(broken: Candidate, names: ReadonlySet<string>, state: Repair): boolean {
  const { selection, scores, round } = state;
  const score = scoreOf(state, broken.package.name);
  let hasChanged = false;
  for (const name of names) {
    const isDropped = selection.drop(name);
    if (isDropped) hasChanged = true;
    // What comes back again and again gets as important as what it is in conflict with, so that it stays.
    if ((!isDropped || round > 1) && score > scoreOf(state, name)) {
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
      const score = scoreOf(state, owner);
      if (scoreOf(state, solution.name) > score) scores.set(solution.name, score);
      return true;
    }
  }
  return false;
}

/** Adds a package and what it lacks, each at most once; not at all if that doesn't work out. */
function add(name: string, state: Repair, depth = 0): boolean {
  const { selection, tried } = state;
  const candidate = selection.available(name);
  if (candidate === undefined || depth > maxDepth) return false;
  if (tried.has(name) || selection.isRequested(name)) return false;
  if (selection.chosen(name) === undefined && selection.isFixed(name)) return false;
  tried.add(name);
  selection.choose(candidate);
  const isWhole = candidate.dependencies.every(
    (dependency) => !isCritical(dependency) || addOneOf(dependency, name, state, depth + 1),
  );
  if (!isWhole) selection.drop(name);
  return isWhole;
}

function addOneOf(dependency: Dependency, owner: string, state: Repair, depth: number): boolean {
  const { selection } = state;
  if (selection.holds(dependency, owner)) return true;
  return dependency.alternatives.some((relation) => {
    const name = standIn(selection, relation.name, owner);
    if (selection.isFixed(name)) return false;
    // A conflict with something that may still go is left to the next round.
    if (dependency.kind === 'conflicts') return true;
    return selection.seemsAvailableFor(relation, owner) && add(name, state, depth);
  });
}

/** The package that a name stands for: itself, or the first that provides it. */
function standIn({ catalog }: Selection, name: string, owner: string): string {
  if (catalog.candidate(name) !== undefined) return name;
  const provider = catalog.providers(name).find(({ candidate }) => candidate.package.name !== owner);
  return provider?.candidate.package.name ?? name;
}
