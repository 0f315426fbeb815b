import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mapParallel } from '../../map-parallel.ts';
import { Catalog } from '../catalog.ts';
import { IndexCompiler } from '../index-compiler.ts';
import { PackageIndex } from '../package-index.ts';
import { selectPackages } from '../select-packages.ts';
import { type Apt, makeApt } from './apt.ts';
import { type PackageSet, packageSets } from './package-sets.ts';

/** What came out for one set: names of packages, or why they were refused. */
export type Comparison = PackageSet & {
  readonly isEqual: boolean;
  readonly isRefused: boolean;
  /** What only one of the two selects, for a report. */
  readonly difference: string;
};

/**
 * Selects package sets of a suite with apt and with this project's resolver, from the same indexes.
 *
 * @param folder for apt's own state
 * @param sources lines of a sources.list
 */
export async function compareWithApt(
  folder: string,
  sources: readonly string[],
  { count, seed, concurrency = 2 }: { count: number; seed: number; concurrency?: number },
): Promise<readonly Comparison[]> {
  const apt = await makeApt(folder, sources);
  await apt.update();
  const indexes = await Promise.all(
    (await apt.indexes()).map(async (path) => ({ suite: path, index: await compileFile(path) })),
  );
  const catalog = new Catalog(indexes, 'amd64');
  return await mapParallel(packageSets(catalog, count, seed), concurrency, (set) =>
    compare(apt, catalog, set),
  );
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

async function compileFile(path: string): Promise<PackageIndex> {
  const compiler = new IndexCompiler();
  compiler.add(await readFile(path));
  const index = PackageIndex.open(compiler.finish());
  if (index === undefined) throw new TypeError('an index that was just compiled should be readable');
  return index;
}

/** `compare-with-apt.ts --suite trixie --sets 300 [--seed 1] [--mirror URL]` */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      suite: { type: 'string', default: 'trixie' },
      sets: { type: 'string', default: '60' },
      seed: { type: 'string', default: '1' },
      mirror: { type: 'string', default: 'http://deb.debian.org' },
    },
  });
  const folder = await mkdtemp(join(tmpdir(), 'img-apt-'));
  try {
    const sources = debianSources(values.suite, values.mirror);
    const results = await compareWithApt(folder, sources, {
      count: Number(values.sets),
      seed: Number(values.seed),
    });
    for (const { kind, names, difference } of results.filter(({ isEqual }) => !isEqual)) {
      process.stdout.write(`${kind}: ${names.join(' ')}\n  ${difference}\n`);
    }
    const equal = results.filter(({ isEqual }) => isEqual);
    const refused = equal.filter(({ isRefused }) => isRefused).length;
    const summary = `${values.suite}: ${equal.length} of ${results.length} sets equal, ${refused} of them refused`;
    process.stdout.write(`${summary}\n`);
    process.exitCode = equal.length === results.length ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The suites of a Debian release, as `debianSystem` has them. */
export function debianSources(codename: string, mirror: string): readonly string[] {
  const keyring = '[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]';
  return [
    `deb ${keyring} ${mirror}/debian ${codename} main`,
    `deb ${keyring} ${mirror}/debian ${codename}-updates main`,
    `deb ${keyring} ${mirror}/debian-security ${codename}-security main`,
  ];
}

if (import.meta.main) await main();
