import { mapParallel } from '../../map-parallel.ts';
import type { Catalog } from '../catalog.ts';
import { selectPackages } from '../select-packages.ts';
import type { Apt } from './apt.ts';
import type { PackageSet } from './package-sets.ts';

/** What came out for one set. */
export type Comparison = PackageSet & {
  readonly isEqual: boolean;
  /** Whether apt refuses the set. */
  readonly isRefused: boolean;
  /** What only one of the two selects, for a report. */
  readonly difference: string;
};

/** Selects package sets with apt and with this project's resolver; both must have read the same indexes. */
export async function compareWithApt(
  apt: Apt,
  catalog: Catalog,
  sets: readonly PackageSet[],
): Promise<readonly Comparison[]> {
  return await mapParallel(sets, 2, (set) => compare(apt, catalog, set));
}

/** What the resolver selects, in apt's words, or undefined if it can't. */
export function selectLikeApt(catalog: Catalog, names: readonly string[]): readonly string[] | undefined {
  const requests = names.flatMap((name) => catalog.candidate(name) ?? []);
  const selection = selectPackages(catalog, 'amd64', requests);
  const chosen = selection.allChosen().map((candidate) => candidate.package);
  if (chosen.some(({ name }) => selection.isBroken(name))) return undefined;
  return chosen.map(({ name, version }) => `${name}=${version}`).sort();
}

async function compare(apt: Apt, catalog: Catalog, set: PackageSet): Promise<Comparison> {
  const expected = await apt.select(set.names);
  const actual = selectLikeApt(catalog, set.names);
  const missing = (expected ?? ['refused']).filter((one) => !(actual ?? ['refused']).includes(one));
  const extra = (actual ?? ['refused']).filter((one) => !(expected ?? ['refused']).includes(one));
  const isEqual = missing.length === 0 && extra.length === 0;
  const difference = `only apt: ${missing.join(' ') || 'nothing'}; only img: ${extra.join(' ') || 'nothing'}`;
  return { ...set, isEqual, isRefused: expected === undefined, difference };
}
