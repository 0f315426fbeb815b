import { type Candidate, parseCandidate } from './candidate.ts';
import type { Relation } from './dependency.ts';
import type { PackageIndex } from './package-index.ts';
import { compareVersions } from './version.ts';

/** A compiled index and the suite that it belongs to. */
export type SuiteIndex = { readonly suite: string; readonly index: PackageIndex };

/** A candidate that stands for a name that isn't its own, with the version it gives that name, if any. */
export type Provider = { readonly candidate: Candidate; readonly version: string | undefined };

/**
 * What can be chosen: the packages of several indexes as one. As for apt, only the newest version of a package
 * counts, and the first of equal ones.
 */
export class Catalog {
  readonly #indexes: readonly SuiteIndex[];
  readonly #architecture: string;
  readonly #candidates = new Map<string, Candidate | undefined>();
  readonly #providers = new Map<string, readonly Provider[]>();

  constructor(indexes: readonly SuiteIndex[], architecture: string) {
    this.#indexes = indexes;
    this.#architecture = architecture;
  }

  /**
   * The newest version of a package, undefined if there is none of the name.
   *
   * @throws BuilderError INDEX_INVALID
   */
  candidate(name: string): Candidate | undefined {
    if (this.#candidates.has(name)) return this.#candidates.get(name);
    let newest: Candidate | undefined;
    for (const { suite, index } of this.#indexes) {
      const number = index.numberOf(name);
      for (const entry of number === undefined ? [] : index.versionsOf(number)) {
        if (newest !== undefined && compareVersions(entry.version, newest.package.version) <= 0) continue;
        if (entry.architecture !== this.#architecture && entry.architecture !== 'all') continue;
        newest = parseCandidate(entry, suite);
      }
    }
    this.#candidates.set(name, newest);
    return newest;
  }

  /** The candidates that provide a name, without the package that has it. */
  providers(name: string): readonly Provider[] {
    const known = this.#providers.get(name);
    if (known !== undefined) return known;
    const providers: Provider[] = [];
    for (const candidate of this.#ownersOf(name)) {
      for (const provided of candidate.provides) {
        if (provided.name !== name || isRange(provided)) continue;
        // A package that provides its own name says nothing new, unless in another version.
        if (candidate.package.name === name && isSameVersion(provided, candidate)) continue;
        providers.push({ candidate, version: provided.version });
      }
    }
    this.#providers.set(name, providers);
    return providers;
  }

  /** Where a name is first mentioned, in apt's order of reading; later ones are greater. */
  orderOf(name: string): number {
    for (const [position, { index }] of this.#indexes.entries()) {
      const number = index.numberOf(name);
      if (number !== undefined) return position * 2 ** 32 + number;
    }
    return Number.POSITIVE_INFINITY;
  }

  /** Every name of a package, for hints. */
  packageNames(): ReadonlySet<string> {
    return new Set(this.#indexes.flatMap(({ index }) => [...index.packageNames()]));
  }

  #ownersOf(name: string): ReadonlySet<Candidate> {
    const owners = new Set<Candidate>();
    for (const { index } of this.#indexes) {
      const number = index.numberOf(name);
      for (const { package: owner } of number === undefined ? [] : index.providersOf(number)) {
        const candidate = this.candidate(owner);
        if (candidate !== undefined) owners.add(candidate);
      }
    }
    return owners;
  }
}

// Provides may only say `=` (Debian Policy 7.5); apt leaves out the rest with a warning.
function isRange({ operator }: Relation): boolean {
  return operator !== undefined && operator !== '=';
}

function isSameVersion({ version }: Relation, candidate: Candidate): boolean {
  return version === undefined || version === candidate.package.version;
}
