import type { Candidate, Dependency, PackageVersion } from './candidate.ts';
import type { DebianPackage } from './package.ts';

/** Versions that should stay as they are, by name. */
export type HeldPackages = ReadonlyMap<string, DebianPackage>;

/**
 * What an earlier resolution chose, without what is to be updated.
 *
 * @param updates names of packages, or of their sources
 */
export function holdPackages(packages: readonly DebianPackage[], updates: readonly string[]): HeldPackages {
  const held = new Map(packages.map((each) => [each.name, each]));
  const sources = packages.filter(({ source }) => updates.includes(source.name));
  return releasePackages(held, [...updates, ...sources.map(({ name }) => name)]);
}

/**
 * Without these, and without what is built from the same source: such packages often demand each other in exactly
 * their own version.
 */
export function releasePackages(held: HeldPackages, names: readonly string[]): HeldPackages {
  const sources = new Set(names.flatMap((name) => held.get(name)?.source.name ?? []));
  return new Map([...held].filter(([, { source }]) => !sources.has(source.name)));
}

/**
 * A held version of a package that no index describes any more, as a candidate: with the dependencies of the newest
 * version. They name versions that are newer than what is held, although what is held did fit together once, so
 * between held packages versions don't count.
 */
export function heldCandidate(newest: Candidate, held: DebianPackage, others: HeldPackages): Candidate {
  const { version } = newest.package;
  return {
    ...newest,
    package: held,
    dependencies: newest.dependencies.flatMap((dependency) => loosened(dependency, others)),
    provides: newest.provides.map((provided) => {
      return provided.version === version ? { ...provided, version: held.version } : provided;
    }),
  };
}

function loosened({ kind, alternatives }: Dependency, held: HeldPackages): readonly Dependency[] {
  if (kind === 'conflicts') {
    const left = alternatives.filter(({ name }) => !held.has(name));
    return left.length === 0 ? [] : [{ kind, alternatives: left }];
  }
  const loose = alternatives.map((relation) => {
    const { name, qualifier } = relation;
    if (!held.has(name)) return relation;
    return qualifier === undefined ? { name } : { name, qualifier };
  });
  return [{ kind, alternatives: loose }];
}

/** Whether it is the very package that is held, not another one with its version. */
export function isHeldVersion({ package: found }: PackageVersion, held: DebianPackage): boolean {
  return found.version === held.version && found.digest === held.digest;
}
