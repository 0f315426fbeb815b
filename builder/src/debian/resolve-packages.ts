import { BuilderError } from '../builder-error.ts';
import { openMirrors } from './archive-mirrors.ts';
import type { Candidate, DependencyKind } from './candidate.ts';
import type { SuiteIndex } from './catalog.ts';
import { closureOf } from './closure.ts';
import { explainBroken } from './explain.ts';
import { fetchIndexes } from './fetch-index.ts';
import { type FetchedRelease, fetchRelease } from './fetch-release.ts';
import type { HttpOptions } from './http.ts';
import type { DebianPackage } from './package.ts';
import { findSlice, parsePackageWish, wishedSlices } from './package-slice.ts';
import type { Resolution, ResolveOptions } from './resolution.ts';
import { isScriptOnly } from './script-only.ts';
import { selectHolding } from './select-holding.ts';
import { together } from './together.ts';

const needingKinds: ReadonlySet<DependencyKind> = new Set(['depends']);

/**
 * Selects the packages that make the named ones run, from indexes that are verified now: what apt would select
 * without recommends, less what only maintainer scripts need (script-only.ts).
 *
 * @throws BuilderError with a code per way in which an archive or a wish can be wrong: ARCHIVE_*, RELEASE_*,
 *   INDEX_*, PACKAGE_*, KEY_INVALID, SYSTEM_UNKNOWN, CACHE_UNWRITABLE
 */
export async function resolvePackages(
  options: ResolveOptions & Pick<HttpOptions, 'retryDelaysMs'>,
): Promise<Resolution> {
  const { architecture, system } = options;
  const slices = wishedSlices(options.packages);
  const suites = await readSuites(options);
  const indexes = suites.flatMap((suite) => suite.indexes);
  const { selection, requests } = selectHolding(indexes, {
    architecture,
    packages: options.packages.map((text) => parsePackageWish(text).name),
    held: options.held ?? new Map(),
    place: { where: `${system.name} for ${architecture}`, website: system.website },
  });
  if (selection.allChosen().some(({ package: { name } }) => selection.isBroken(name))) {
    throw explainBroken(selection);
  }
  const needed = closureOf(selection, requests, {
    kinds: needingKinds,
    isFollowed: (owner, other) => {
      if (isOfLeftOut(slices, owner, other)) return false;
      return options.keepScriptOnly === true || !isScriptOnly(owner, other);
    },
  });
  return {
    releases: suites.map(({ fetched }) => fetched.record),
    packages: [...needed].map((candidate) => inPart(candidate.package, slices)).sort(byName),
    dropped: selection
      .allChosen()
      .filter((candidate) => !needed.has(candidate))
      .map((candidate: Candidate) => candidate.package.name)
      .sort(),
  };
}

/** Whether a package needs another one only for what its part is without. */
function isOfLeftOut(slices: ReadonlyMap<string, string>, owner: Candidate, needed: Candidate): boolean {
  const { name } = owner.package;
  return findSlice(name, slices.get(name) ?? '')?.without.test(needed.package.name) === true;
}

function inPart(whole: DebianPackage, slices: ReadonlyMap<string, string>): DebianPackage {
  const slice = slices.get(whole.name);
  return slice === undefined ? whole : { ...whole, slice };
}

type Suite = { readonly fetched: FetchedRelease; readonly indexes: readonly SuiteIndex[] };

function readSuites(options: ResolveOptions & Pick<HttpOptions, 'retryDelaysMs'>): Promise<readonly Suite[]> {
  const { system, previous = [], architecture } = options;
  if (system.suites.length === 0) throw new BuilderError('SYSTEM_UNKNOWN', `${system.name} has no suites`);
  const mirrors = openMirrors(options);
  return together(options.signal, system.suites, async (choice, signal) => {
    const fetched = await fetchRelease(choice, await mirrors.of(choice, architecture), {
      ...options,
      signal,
      previous: previous.find(({ suite }) => suite === choice.suite),
    });
    return { fetched, indexes: await fetchIndexes(fetched, architecture, { ...options, signal }) };
  });
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}
