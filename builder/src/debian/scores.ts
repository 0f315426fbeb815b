import type { Candidate, Dependency, DependencyKind } from './candidate.ts';
import { acceptsVersion, type Relation } from './dependency.ts';
import type { Selection } from './selection.ts';

/** By priority: none, then from required to extra. */
const priorityScores = [0, 3, 2, 1, -1, -2];

const dependencyScores: { readonly [kind in DependencyKind]: number } = {
  depends: 1,
  conflicts: -1,
  recommends: 1,
  suggests: 0,
};

const essentialScore = 100;
const requestedScore = 10_000;
const protectedScore = 5_000;

/**
 * How much would break without each package that is chosen or depended on. The numbers are apt's; the greater one
 * wins where two packages are in each other's way.
 */
export function scoresOf(selection: Selection): Map<string, number> {
  const scores = new Map<string, number>();
  const add = (name: string, score: number): void => {
    scores.set(name, (scores.get(name) ?? 0) + score);
  };
  for (const candidate of selection.allChosen()) {
    add(candidate.package.name, ownScore(candidate));
    for (const { kind, alternatives } of candidate.dependencies) {
      for (const relation of alternatives) {
        for (const name of scoredBy(selection, relation, candidate, kind)) add(name, dependencyScores[kind]);
      }
    }
  }
  inherit(selection, scores, add);
  for (const name of [...scores.keys()]) {
    add(name, unchosenScore(selection, name));
    if (selection.isRequested(name)) add(name, requestedScore);
  }
  return scores;
}

/** The score of a name that {@link scoresOf} didn't come across. */
export function unchosenScore({ catalog }: Selection, name: string): number {
  const candidate = catalog.candidate(name);
  return candidate?.isEssential === true || candidate?.isProtected === true ? protectedScore : 0;
}

function ownScore({ isEssential, isProtected, priority }: Candidate): number {
  return (isEssential || isProtected ? essentialScore : 0) + (priorityScores[priority] ?? 0);
}

/** The name in a relation counts even if it isn't chosen, unless the relation asks for a version. */
function scoredBy(
  selection: Selection,
  relation: Relation,
  owner: Candidate,
  kind: DependencyKind,
): ReadonlySet<string> {
  const ownName = owner.package.name;
  const isNegative = kind === 'conflicts';
  const target = selection.chosen(relation.name);
  const names = new Set<string>();
  if (!isNegative || relation.name !== ownName) {
    const isMet = target !== undefined && acceptsVersion(relation, target.package.version);
    if (relation.operator !== undefined && !isMet) return names;
    names.add(relation.name);
  }
  for (const { package: provider } of selection.chosenFor(relation, ownName, isNegative)) {
    names.add(provider.name);
  }
  return names;
}

/** One level of what depends on a package counts too, and what a name gains its providers gain. */
function inherit(
  selection: Selection,
  scores: ReadonlyMap<string, number>,
  add: (name: string, score: number) => void,
): void {
  const before = new Map(scores);
  for (const { package: owner, dependencies } of selection.allChosen()) {
    const score = before.get(owner.name) ?? 0;
    if (score <= 0) continue;
    for (const name of dependencies.filter(isInherited).flatMap(namesIn)) {
      if (selection.chosen(name) !== undefined) add(name, score);
    }
  }
  for (const { package: target } of selection.allChosen()) {
    const gained = Math.abs((scores.get(target.name) ?? 0) - (before.get(target.name) ?? 0));
    const owners = selection.catalog.providers(target.name).map(({ candidate }) => candidate);
    for (const owner of new Set(gained === 0 ? [] : owners)) {
      if (selection.chosen(owner.package.name) === owner) add(owner.package.name, gained);
    }
  }
}

function isInherited({ kind }: Dependency): boolean {
  return kind === 'depends' || kind === 'recommends';
}

function namesIn({ alternatives }: Dependency): readonly string[] {
  return alternatives.map(({ name }) => name);
}
