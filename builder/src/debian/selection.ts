import type { Candidate, Dependency } from './candidate.ts';
import type { Catalog } from './catalog.ts';
import { acceptsVersion, type Relation } from './dependency.ts';

/**
 * What is chosen of a catalog while a set of packages is put together, and whether dependencies hold.
 *
 * A package is in one of four states: it can be chosen, it is chosen, it can't be chosen any more (discarded), and
 * in the last two cases it may be fixed, so that nothing changes it again.
 */
export class Selection {
  readonly catalog: Catalog;
  readonly #architecture: string;
  readonly #chosen = new Map<string, Candidate>();
  /** When each package was discarded, by a clock that ticks with every discarded package. */
  readonly #discarded = new Map<string, number>();
  /** When something last changed that each name stands for. */
  readonly #changed = new Map<string, number>();
  readonly #fixed = new Set<string>();
  /** Asked for by name, in contrast to what dependencies brought. */
  readonly #requested = new Set<string>();

  constructor(catalog: Catalog, architecture: string) {
    this.catalog = catalog;
    this.#architecture = architecture;
  }

  chosen(name: string): Candidate | undefined {
    return this.#chosen.get(name);
  }

  /** In the order in which they were chosen. */
  allChosen(): readonly Candidate[] {
    return [...this.#chosen.values()];
  }

  /** What may still be chosen under this name, or is. */
  available(name: string): Candidate | undefined {
    return this.#discarded.has(name) ? this.#chosen.get(name) : this.catalog.candidate(name);
  }

  isFixed(name: string): boolean {
    return this.#fixed.has(name);
  }

  isRequested(name: string): boolean {
    return this.#requested.has(name);
  }

  choose(candidate: Candidate): void {
    this.#chosen.set(candidate.package.name, candidate);
    this.#noteChange(candidate);
  }

  /** Takes a package out again, unless it is fixed. Whether it is out now. */
  drop(name: string): boolean {
    const chosen = this.#chosen.get(name);
    if (chosen === undefined) return true;
    if (this.#fixed.has(name)) return false;
    this.#chosen.delete(name);
    this.#noteChange(chosen);
    return true;
  }

  /** Takes a package out, and it can't come back. */
  discard(name: string): void {
    const chosen = this.#chosen.get(name);
    this.#chosen.delete(name);
    if (chosen !== undefined) this.#noteChange(chosen);
    if (!this.#discarded.has(name)) this.#discarded.set(name, this.#discarded.size + 1);
  }

  fix(name: string): void {
    this.#fixed.add(name);
  }

  unfix(name: string): void {
    this.#fixed.delete(name);
  }

  request(name: string): void {
    this.#requested.add(name);
  }

  /** Whether a dependency of the owner holds with what is chosen; a conflict holds if nothing is in conflict. */
  holds({ kind, alternatives }: Dependency, owner: string): boolean {
    const isNegative = kind === 'conflicts';
    const pick = (name: string) => this.#chosen.get(name);
    return (
      alternatives.some((relation) => this.#match(relation, owner, isNegative, pick).length > 0) !==
      isNegative
    );
  }

  /** Whether what apt takes for available could make a dependency hold, see {@link seemsAvailableFor}. */
  canHold({ alternatives }: Dependency, owner: string): boolean {
    return alternatives.some((relation) => this.seemsAvailableFor(relation, owner));
  }

  /**
   * Whether there was something available for a relation when what its name stands for last changed. apt doesn't
   * look again when packages are discarded, and so begins with some that can't be completed. What it had chosen for
   * them until then stays if something else turns out to use it.
   */
  seemsAvailableFor(relation: Relation, owner: string): boolean {
    const lastLook = this.#changed.get(relation.name) ?? 0;
    const pick = (name: string): Candidate | undefined => {
      const isSeen = (this.#discarded.get(name) ?? Number.POSITIVE_INFINITY) > lastLook;
      return isSeen ? this.catalog.candidate(name) : undefined;
    };
    return this.#match(relation, owner, false, pick).length > 0;
  }

  /** The chosen packages that match a relation. */
  chosenFor(relation: Relation, owner: string, isNegative: boolean): readonly Candidate[] {
    return this.#match(relation, owner, isNegative, (name) => this.#chosen.get(name));
  }

  /** The available packages that match a relation, chosen or not: the one of this name, then providers. */
  availableFor(relation: Relation, owner: string, isNegative: boolean): readonly Candidate[] {
    return this.#match(relation, owner, isNegative, (name) => this.available(name));
  }

  /** Whether one of the chosen package's own dependencies or conflicts doesn't hold. */
  isBroken(name: string): boolean {
    const chosen = this.#chosen.get(name);
    return chosen !== undefined && this.brokenDependencies(chosen).length > 0;
  }

  brokenDependencies({ package: { name }, dependencies }: Candidate): readonly Dependency[] {
    return dependencies.filter((dependency) => isCritical(dependency) && !this.holds(dependency, name));
  }

  #noteChange({ package: { name }, provides }: Candidate): void {
    for (const changed of [name, ...provides.map((provided) => provided.name)]) {
      this.#changed.set(changed, this.#discarded.size);
    }
  }

  #match(
    relation: Relation,
    owner: string,
    isNegative: boolean,
    pick: (name: string) => Candidate | undefined,
  ): readonly Candidate[] {
    const matches: Candidate[] = [];
    const target = pick(relation.name);
    if (
      target !== undefined &&
      // A package never conflicts with itself, also not through a name that it provides (Debian Policy 7.4).
      !(isNegative && relation.name === owner) &&
      this.#hasArchitecture(relation, target) &&
      acceptsVersion(relation, target.package.version)
    ) {
      matches.push(target);
    }
    for (const { candidate, version } of this.catalog.providers(relation.name)) {
      const provider = candidate.package.name;
      if (isNegative && provider === owner) continue;
      if (pick(provider) !== candidate || !this.#hasArchitecture(relation, candidate)) continue;
      if (acceptsVersion(relation, version)) matches.push(candidate);
    }
    return matches;
  }

  // `name:any` asks for a package that allows it; there are no packages of foreign architectures.
  #hasArchitecture({ qualifier }: Relation, { multiArch }: Candidate): boolean {
    if (qualifier === undefined || qualifier === 'native' || qualifier === this.#architecture) return true;
    return qualifier === 'any' && multiArch === 'allowed';
  }
}

/** Whether a package doesn't work without the dependency. */
export function isCritical({ kind }: Dependency): boolean {
  return kind === 'depends' || kind === 'conflicts';
}
