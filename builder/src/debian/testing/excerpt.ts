import { Catalog, type SuiteIndex } from '../catalog.ts';
import { entryFields } from '../index-format.ts';

/**
 * The part of an archive that package sets can lead to: what they need in any alternative and from any provider. Both
 * resolvers choose from it what they would choose from the whole, but apt takes a tenth of the time.
 *
 * @returns a `Packages` file for each of the indexes
 */
export function excerptOf(
  suites: readonly SuiteIndex[],
  architecture: string,
  roots: readonly string[],
): readonly string[] {
  const names = reachableNames(new Catalog(suites, architecture), roots);
  return suites.map(({ index }) => {
    const numbers = [...index.packageNames()]
      .filter((name) => names.has(name))
      .map((name) => index.numberOf(name));
    const entries = numbers.flatMap((number) => (number === undefined ? [] : index.versionsOf(number)));
    return entries
      .map((entry) =>
        entryFields.flatMap((field) => (entry[field] === '' ? [] : `${field}: ${entry[field]}\n`)).join(''),
      )
      .join('\n');
  });
}

function reachableNames(catalog: Catalog, roots: readonly string[]): ReadonlySet<string> {
  const names = new Set(roots);
  // What is added to a set while it is walked is walked too.
  for (const name of names) {
    for (const { candidate } of catalog.providers(name)) names.add(candidate.package.name);
    for (const { kind, alternatives } of catalog.candidate(name)?.dependencies ?? []) {
      if (kind === 'depends') for (const relation of alternatives) names.add(relation.name);
    }
  }
  return names;
}
