import type { Catalog } from '../catalog.ts';
import { acceptsVersion } from '../dependency.ts';
import { randomNumbers } from './random-archive.ts';

/** What a set of packages is meant to try. */
export type PackageSet = { readonly kind: string; readonly names: readonly string[] };

const inTheWay = 'first choices that are in the way of another package';

/**
 * Package sets of an archive, chosen by rule: every kind of dependency comes up, and no set is picked by hand. The
 * same seed gives the same sets of the same archive.
 */
export function packageSets(catalog: Catalog, count: number, seed: number): readonly PackageSet[] {
  const below = randomNumbers(seed);
  const names = [...catalog.packageNames()].sort();
  const matching = (isWanted: (name: string) => boolean): readonly string[] => names.filter(isWanted);
  const pools: readonly (readonly [kind: string, names: readonly string[], size: number])[] = [
    ['any package', names, 1],
    ['libraries', matching((name) => /^lib.*\d$/.test(name)), 4],
    ['development files', matching((name) => name.endsWith('-dev')), 3],
    ['daemons', matching((name) => /(?:-server|-daemon|d)$/.test(name)), 3],
    ['Python', matching((name) => name.startsWith('python3-')), 5],
    ['Perl', matching((name) => name.endsWith('-perl')), 5],
    ['Ruby and Node', matching((name) => /^(?:ruby|node)-/.test(name)), 5],
    ['Java', matching((name) => /-java$|^openjdk-/.test(name)), 3],
    ['PHP', matching((name) => name.startsWith('php')), 4],
    ['alternatives', matching((name) => hasAlternatives(catalog, name)), 4],
    ['virtual packages', matching((name) => needsVirtual(catalog, name)), 3],
    ['versions that are provided', matching((name) => needsProvidedVersion(catalog, name)), 3],
    ['conflicts', matching((name) => conflicts(catalog, name).length > 0), 2],
    [inTheWay, matching((name) => rivalsOfFirst(catalog, name).length > 0), 2],
    ['many at once', names, 15],
  ];
  return Array.from({ length: count }, (_, index) => {
    const [kind, pool, size] = pools[index % pools.length] ?? ['', [], 0];
    const chosen = Array.from({ length: Math.min(size, pool.length) }, () => pool[below(pool.length)] ?? '');
    const [first = ''] = chosen;
    const rivals =
      kind === 'conflicts'
        ? conflicts(catalog, first)
        : kind === inTheWay
          ? rivalsOfFirst(catalog, first)
          : [];
    const rival = rivals[below(rivals.length)];
    return { kind, names: [...new Set(rival === undefined ? chosen : [...chosen.slice(0, 1), rival])] };
  });
}

/** What can't be together with the first alternative of something that a package needs. */
function rivalsOfFirst(catalog: Catalog, name: string): readonly string[] {
  const dependencies = catalog.candidate(name)?.dependencies ?? [];
  return dependencies
    .filter(({ kind, alternatives }) => kind === 'depends' && alternatives.length > 1)
    .flatMap(({ alternatives: [first] }) => (first === undefined ? [] : conflicts(catalog, first.name)))
    .filter((rival) => rival !== name);
}

function hasAlternatives(catalog: Catalog, name: string): boolean {
  const dependencies = catalog.candidate(name)?.dependencies ?? [];
  return dependencies.some(({ kind, alternatives }) => kind === 'depends' && alternatives.length > 1);
}

function needsVirtual(catalog: Catalog, name: string): boolean {
  const dependencies = catalog.candidate(name)?.dependencies ?? [];
  return dependencies.some(
    ({ kind, alternatives: [first] }) =>
      kind === 'depends' && first !== undefined && catalog.candidate(first.name) === undefined,
  );
}

function needsProvidedVersion(catalog: Catalog, name: string): boolean {
  const dependencies = catalog.candidate(name)?.dependencies ?? [];
  return dependencies.some(
    ({ kind, alternatives: [first] }) =>
      kind === 'depends' &&
      first?.operator !== undefined &&
      !acceptsVersion(first, catalog.candidate(first.name)?.package.version) &&
      catalog.providers(first.name).some(({ version }) => acceptsVersion(first, version)),
  );
}

function conflicts(catalog: Catalog, name: string): readonly string[] {
  const dependencies = catalog.candidate(name)?.dependencies ?? [];
  return dependencies
    .filter(({ kind }) => kind === 'conflicts')
    .flatMap(({ alternatives }) => alternatives)
    .filter(
      (relation) =>
        relation.name !== name && acceptsVersion(relation, catalog.candidate(relation.name)?.package.version),
    )
    .map((relation) => relation.name)
    .filter((other) => catalog.candidate(other) !== undefined);
}
