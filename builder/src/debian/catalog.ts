import { type Candidate, parseEntry } from './candidate.ts';
import type { Relation } from './dependency.ts';
import { type HeldPackages, heldCandidate, isHeldVersion } from './held-packages.ts';
import type { IndexEntry, PackageIndex } from './package-index.ts';
import { compareVersions } from './version.ts';

/** A compiled index and the suite that it belongs to. */
export type SuiteIndex = { readonly suite: string; readonly index: PackageIndex };

/** A candidate that stands for a name that isn't its own, with the version it gives that name, if any. */
export type Provider = { readonly candidate: Candidate; readonly version: string | undefined };

type ListedVersion = { readonly entry: IndexEntry; readonly suite: string };

/**
 * What can be chosen: the packages of several indexes as one. As for apt, only the newest version of a package
 * counts, and the first of equal ones.
 */
export class Catalog {
  readonly #indexes: readonly SuiteIndex[];
  readonly #architecture: string;
  readonly #held: HeldPackages;
  readonly #candidates = new Map<string, Candidate | undefined>();
  readonly #providers = new Map<string, readonly Provider[]>();

  /** @param held versions that count instead of the newest, whether the indexes still have them or not */
  constructor(indexes: readonly SuiteIndex[], architecture: string, held: HeldPackages = new Map()) {
    this.#indexes = indexes;
    this.#architecture = architecture;
    this.#held = held;
  }

  /**
   * The newest version of a package, or the held one; undefined if there is none of the name.
   *
   * @throws BuilderError INDEX_INVALID
   */
  candidate(name: string): Candidate | undefined {
    if (!this.#candidates.has(name)) this.#candidates.set(name, this.#heldOrNewest(name));
    return this.#candidates.get(name);
  }

  /** The candidates that provide a name; the last in the indexes first, as apt looks at them. */
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
    this.#providers.set(name, providers.reverse());
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

  #heldOrNewest(name: string): Candidate | undefined {
    const newest = this.#newest(name);
    const held = this.#held.get(name);
    if (newest === undefined || held === undefined) return newest;
    const listed = this.#versionsOf(name)
      .filter(({ entry }) => entry.version === held.version)
      .map(({ entry, suite }) => parseEntry(entry, suite))
      .find((found) => isHeldVersion(found, held));
    return listed === undefined ? heldCandidate(newest, held, this.#held) : { ...newest, ...listed };
  }

  #newest(name: string): Candidate | undefined {
    let newest: ListedVersion | undefined;
    let isEssential = false;
    let isProtected = false;
    for (const listed of this.#versionsOf(name)) {
      const { entry } = listed;
      // To apt these belong to the package: one version that says so is enough.
      isEssential ||= entry.essential === 'yes';
      isProtected ||= entry.protected === 'yes' || entry.important === 'yes';
      const isNewer = newest === undefined || compareVersions(entry.version, newest.entry.version) > 0;
      if (isNewer) newest = listed;
    }
    if (newest === undefined) return undefined;
    return { ...parseEntry(newest.entry, newest.suite), isEssential, isProtected };
  }

  #versionsOf(name: string): readonly ListedVersion[] {
    return this.#indexes.flatMap(({ suite, index }) => {
      const number = index.numberOf(name);
      const entries = number === undefined ? [] : index.versionsOf(number);
      return entries
        .filter(({ architecture }) => architecture === this.#architecture || architecture === 'all')
        .map((entry) => ({ entry, suite }));
    });
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
