import { BuilderError } from '../builder-error.ts';
import type { Candidate, Dependency } from './candidate.ts';
import { acceptsVersion, formatAlternatives, formatRelation, type Relation } from './dependency.ts';
import { isCritical, type Selection } from './selection.ts';

/** Packages that are looked at to find a reason. */
const maxExplained = 200;

type Reason = {
  readonly code: 'PACKAGE_CONFLICT' | 'PACKAGE_UNSATISFIABLE';
  /** What is wrong, beginning with the package that it is wrong with. */
  readonly text: string;
  readonly hint: string;
};

/** Why a selection isn't whole, as an error with the chain that leads from a wish to the problem. */
export function explainBroken(selection: Selection): BuilderError {
  const broken = selection.allChosen().filter(({ package: { name } }) => selection.isBroken(name));
  const requested = broken.find(({ package: { name } }) => selection.isRequested(name));
  const first = requested ?? broken[0];
  if (first === undefined) throw new TypeError('a selection that is whole has nothing to explain');
  const { code, text, hint } = explain(selection, first, new Set());
  return new BuilderError(code, `${text}${neededFor(selection, first.package.name)}`, { hint });
}

/** @param seen packages that were explained already; each is looked at once, or this could take forever */
function explain(selection: Selection, candidate: Candidate, seen: Set<Candidate>): Reason {
  seen.add(candidate);
  const reasons = candidate.dependencies
    .filter((dependency) => isCritical(dependency) && !selection.holds(dependency, candidate.package.name))
    .flatMap((dependency) => explainDependency(selection, candidate, dependency, seen));
  // A missing package is a plainer answer than a conflict somewhere behind it.
  return (
    reasons.find(({ code }) => code === 'PACKAGE_UNSATISFIABLE') ??
    reasons[0] ?? {
      code: 'PACKAGE_CONFLICT',
      text: `${candidate.package.name} can't be put together with the other packages`,
      hint: 'leave one of the packages out',
    }
  );
}

function explainDependency(
  selection: Selection,
  owner: Candidate,
  { kind, alternatives }: Dependency,
  seen: Set<Candidate>,
): readonly Reason[] {
  const { name } = owner.package;
  if (kind === 'conflicts') {
    const others = alternatives.flatMap((relation) => selection.chosenFor(relation, name, true));
    return others.map((other) => conflict(selection, owner, other));
  }
  const reasons = alternatives.flatMap((relation) => explainRelation(selection, relation, seen));
  const [first] = reasons;
  if (first === undefined) return [];
  const isMissing = reasons.every(({ code }) => code === 'PACKAGE_UNSATISFIABLE');
  const telling = isMissing ? first : (reasons.find(({ code }) => code === 'PACKAGE_CONFLICT') ?? first);
  const text = isMissing ? reasons.map((reason) => reason.text).join(', ') : telling.text;
  return [{ ...telling, text: `${name} needs ${formatAlternatives(alternatives)}, but ${text}` }];
}

/** Why nothing that a relation accepts could be chosen. */
function explainRelation(selection: Selection, relation: Relation, seen: Set<Candidate>): readonly Reason[] {
  const solutions = solutionsIn(selection, relation);
  if (solutions.length === 0) return [missing(selection, relation)];
  return solutions.flatMap((solution) => {
    if (seen.has(solution) || seen.size >= maxExplained) return [];
    const other = inConflictWith(selection, solution);
    return [other === undefined ? explain(selection, solution, seen) : conflict(selection, solution, other)];
  });
}

function missing(selection: Selection, { name, ...relation }: Relation): Reason {
  const there = selection.catalog.candidate(name);
  const wanted = formatRelation({ name, ...relation });
  const text =
    there === undefined
      ? `${name} is not in the archive`
      : `the archive has ${name} ${there.package.version}, which is not ${wanted}`;
  const hint =
    there === undefined
      ? 'add the component or suite that has it'
      : 'the suites of the archive are out of step: add the one that has the right version';
  return { code: 'PACKAGE_UNSATISFIABLE', text, hint };
}

function conflict(selection: Selection, one: Candidate, other: Candidate): Reason {
  const otherName = other.package.name;
  const isWished = [one.package.name, otherName].every((name) => selection.isRequested(name));
  return {
    code: 'PACKAGE_CONFLICT',
    text: `${one.package.name} can't be together with ${otherName}${neededFor(selection, otherName)}`,
    hint: `leave out one of ${isWished ? 'them' : 'the packages that lead to them'}, or put them into two images`,
  };
}

/** What the catalog has for a relation, whether or not it was ruled out while choosing. */
function solutionsIn({ catalog }: Selection, relation: Relation): readonly Candidate[] {
  const target = catalog.candidate(relation.name);
  const own = target !== undefined && acceptsVersion(relation, target.package.version) ? [target] : [];
  const providers = catalog
    .providers(relation.name)
    .filter(({ version }) => acceptsVersion(relation, version));
  return [...own, ...providers.map(({ candidate }) => candidate)];
}

/** A chosen package that a package conflicts with, or the other way round. */
function inConflictWith(selection: Selection, candidate: Candidate): Candidate | undefined {
  return selection
    .allChosen()
    .find((other) => conflictsWith(candidate, other) || conflictsWith(other, candidate));
}

function conflictsWith(one: Candidate, other: Candidate): boolean {
  if (one.package.name === other.package.name) return false;
  const names = [{ name: other.package.name, version: other.package.version }, ...other.provides];
  const conflicts = one.dependencies.filter(({ kind }) => kind === 'conflicts');
  return conflicts
    .flatMap(({ alternatives }) => alternatives)
    .some((relation) =>
      names.some(({ name, version }) => name === relation.name && acceptsVersion(relation, version)),
    );
}

/** ` (needed by b, needed by a)`, or nothing for a package that was asked for. */
function neededFor(selection: Selection, name: string): string {
  const owners: string[] = [];
  let current = name;
  while (!selection.isRequested(current)) {
    const owner = selection.allChosen().find((candidate) => needs(selection, candidate, current));
    if (owner === undefined || owners.includes(owner.package.name)) break;
    current = owner.package.name;
    owners.push(current);
  }
  return owners.length === 0 ? '' : ` (needed by ${owners.join(', needed by ')})`;
}

function needs(selection: Selection, owner: Candidate, name: string): boolean {
  return owner.dependencies.some(
    ({ kind, alternatives }) =>
      kind === 'depends' &&
      alternatives.some((relation) =>
        selection
          .chosenFor(relation, owner.package.name, false)
          .some((candidate) => candidate.package.name === name),
      ),
  );
}
