import { stat } from 'node:fs/promises';
import { type Digest, Digester } from '@img/spec/digest';
import { formatPlatform, type Platform } from '@img/spec/platform';
import { BuilderError } from '../builder-error.ts';
import { HostRoot } from '../elf/host-root.ts';
import { architectureOf } from '../elf/machines.ts';
import { programClosure } from '../elf/program-closure.ts';
import { readSource } from '../files/read-source.ts';
import type { SourceEntry } from '../files/walk-source.ts';
import { mapParallel } from '../map-parallel.ts';
import { dpkgOwners, type InstalledPackage } from './dpkg-owners.ts';

/** A file of this machine that goes into an image at the same path. */
export type BinaryFile = SourceEntry & {
  readonly digest: Digest;
  /** The package that it belongs to; undefined if nobody knows. */
  readonly owner: InstalledPackage | undefined;
  /** Whether it is one of the programs that were asked for. */
  readonly isProgram: boolean;
};

export type BinaryPlan = {
  /** Sorted; paths without a leading slash. */
  readonly files: readonly BinaryFile[];
  /** Links by path, without a leading slash, with their targets as written; sorted. */
  readonly links: ReadonlyMap<string, string>;
  /** The packages that files belong to, sorted by name. */
  readonly packages: readonly InstalledPackage[];
};

const licences = (name: string) => `/usr/share/doc/${name}/copyright`;

/**
 * Programs of this machine with everything that they need to run, and the licences of the packages that it comes
 * from.
 *
 * @param programs absolute paths
 * @throws BuilderError BINARY_*, LIBRARY_MISSING, ELF_INVALID, SOURCE_*
 */
export async function planBinaries(
  programs: readonly string[],
  platform: Platform,
  root = new HostRoot(),
): Promise<BinaryPlan> {
  const closure = await programClosure(root, programs);
  for (const machine of closure.machines) checkMachine(machine, programs, platform);
  const owners = await dpkgOwners(root, closure.files);
  const packages = new Map([...owners.values()].map((owner) => [owner.name, owner]));
  const links = new Map(closure.links);
  const texts: string[] = [];
  for (const name of packages.keys()) {
    // Several packages of one source share a text behind a link.
    const found = await root.follow(licences(name));
    if (found === undefined || !(await root.isFile(found.path))) continue;
    for (const [link, target] of found.links) links.set(link, target);
    texts.push(found.path);
  }
  const wanted = new Set(await Promise.all(programs.map(async (path) => (await root.follow(path))?.path)));
  const paths = [...new Set([...closure.files, ...texts])].sort();
  const files = await mapParallel(paths, 8, async (path): Promise<BinaryFile> => {
    const entry = await sourceEntry(root, path);
    const owner = owners.get(path);
    return { ...entry, digest: await digestOfFile(entry), owner, isProgram: wanted.has(path) };
  });
  return {
    files,
    links: new Map([...links].map(([path, target]) => [path.slice(1), target] as const).sort(byName)),
    packages: [...packages.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

function checkMachine(machine: number, programs: readonly string[], platform: Platform): void {
  const architecture = architectureOf(machine);
  if (architecture === platform.architecture) return;
  throw new BuilderError(
    'BINARY_UNSUPPORTED',
    `${programs.join(', ')} is for ${architecture ?? `machine ${machine}`}, the image for ${formatPlatform(platform)}`,
    { hint: 'build for the platform of this machine only' },
  );
}

async function sourceEntry(root: HostRoot, path: string): Promise<SourceEntry> {
  const location = root.locate(path);
  const { mode, size } = await stat(location);
  return { path: path.slice(1), type: 'file', isExecutable: (mode & 0o100) !== 0, sizeBytes: size, location };
}

async function digestOfFile(entry: SourceEntry): Promise<Digest> {
  const digester = new Digester();
  for await (const chunk of readSource(entry)) digester.update(chunk);
  return digester.digest();
}

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1;
}
