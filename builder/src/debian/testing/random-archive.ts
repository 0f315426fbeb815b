import { formatStanza } from './test-archive.ts';

/** Whole numbers that look random and are the same in every run, each below the limit that is asked for. */
export function randomNumbers(seed: number): (limit: number) => number {
  let state = Math.imul(seed, 2_654_435_761) >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/** How often things occur in an archive, in percent. */
export type Density = { readonly conflicts: number; readonly versions: number };

export type RandomArchive = {
  /** A `Packages` file. */
  readonly text: string;
  /** Packages to install. */
  readonly wanted: readonly string[];
};

const operators = ['<<', '<=', '=', '>=', '>>'];
const priorities = ['required', 'important', 'standard', 'optional', 'optional', 'optional', 'extra'];
const virtualNames = ['va', 'vb', 'vc'];

/** A small archive in which everything depends on everything, which is where resolvers differ. */
export function randomArchive(seed: number, density: Density): RandomArchive {
  const below = randomNumbers(seed);
  const isChosen = (percent: number): boolean => below(100) < percent;
  const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item;
  const names = Array.from({ length: 6 + below(14) }, (_, index) => `p${String.fromCharCode(97 + index)}`);
  const times = <Item>(count: number, make: () => Item): readonly Item[] =>
    Array.from({ length: count }, make);

  const relation = (): string => {
    const name = isChosen(1) ? 'missing' : pick(isChosen(20) ? virtualNames : names);
    const version = isChosen(density.versions) ? ` (${pick(operators)} ${1 + below(3)})` : '';
    return `${name}${isChosen(5) ? ':any' : ''}${version}`;
  };
  const alternatives = (): string => (isChosen(35) ? `${relation()} | ${alternatives()}` : relation());
  const list = (percent: number, max: number, make: () => string): string | undefined =>
    isChosen(percent) ? times(1 + below(max), make).join(', ') : undefined;
  const provided = (): string => `${pick(virtualNames)}${isChosen(40) ? ` (= ${1 + below(3)})` : ''}`;

  const stanza = (name: string, version: number): string =>
    formatStanza({
      Package: name,
      Version: String(version),
      Architecture: isChosen(20) ? 'all' : 'amd64',
      'Multi-Arch': isChosen(20) ? pick(['same', 'foreign', 'allowed']) : undefined,
      Priority: pick(priorities),
      Essential: isChosen(4) ? 'yes' : undefined,
      Protected: isChosen(3) ? 'yes' : undefined,
      Depends: list(65, 3, alternatives),
      Conflicts: list(density.conflicts, 1, relation),
      Breaks: list(density.conflicts, 1, relation),
      Recommends: list(10, 2, alternatives),
      Suggests: list(10, 2, alternatives),
      Provides: list(35, 2, provided),
      Filename: `pool/${name}_${version}.deb`,
      Size: '100',
      SHA256: 'a'.repeat(64),
      Description: 'x',
    });
  const text = names
    .flatMap((name) =>
      [...new Set(times(isChosen(15) ? 2 : 1, () => 1 + below(3)))].map((v) => stanza(name, v)),
    )
    .join('\n');
  return { text, wanted: [...new Set(times(1 + below(3), () => pick(names)))] };
}
