import { basename, dirname } from 'node:path';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { readShebang } from '../deb/shebang.ts';
import type { ElfFile } from './elf-file.ts';
import type { HostRoot } from './host-root.ts';
import { configuredFolders, defaultFolders, expandFolder, multiarchOf } from './library-folders.ts';
import { type LoadHabits, libraryHabits, programHabits } from './load-habits.ts';
import { isElf, readElf } from './read-elf.ts';

/** The files that a program needs to run. */
export type Closure = {
  /** Absolute, all links followed; sorted. */
  readonly files: readonly string[];
  /** The links on the way to them, by their own paths, with targets as written. */
  readonly links: ReadonlyMap<string, string>;
  /** `e_machine` of the programs, and of what interprets those that are scripts. */
  readonly machines: ReadonlySet<number>;
};

/** A program or library at work: what is looked up on its behalf depends on who loaded it. */
type Loaded = {
  readonly path: string;
  readonly elf: ElfFile;
  /** What `$ORIGIN` may stand for. */
  readonly origins: readonly string[];
  readonly loader: Loaded | undefined;
  /** Whether it is a module, or loaded for one, so that the program runs without it. */
  readonly isOptional: boolean;
};

const hardwareFolders = ['x86-64-v4', 'x86-64-v3', 'x86-64-v2'].map((name) => `glibc-hwcaps/${name}`);
const programFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const maxFiles = 20_000;

/**
 * Finds what programs need, by reading them and without running anything: their interpreters, their libraries as
 * ld.so(8) looks them up, and what they load while they run as far as their notes or load-habits.ts say.
 *
 * @throws BuilderError BINARY_MISSING, BINARY_UNSUPPORTED, LIBRARY_MISSING, ELF_INVALID
 */
export async function programClosure(root: HostRoot, programs: readonly string[]): Promise<Closure> {
  const collector = new Collector(root, await configuredFolders(root));
  for (const program of programs) await collector.addProgram(program, []);
  return { files: [...collector.files].sort(), links: collector.links, machines: collector.machines };
}

class Collector {
  readonly files = new Set<string>();
  readonly links = new Map<string, string>();
  readonly machines = new Set<number>();
  readonly #root: HostRoot;
  readonly #configured: readonly string[];
  readonly #elfs = new Map<string, ElfFile>();

  constructor(root: HostRoot, configured: readonly string[]) {
    this.#root = root;
    this.#configured = configured;
  }

  /** @param scripts those that led to the program, which must not go in circles */
  async addProgram(path: string, scripts: readonly string[]): Promise<void> {
    const place = await this.#take(path);
    if (place === undefined) {
      const why = scripts.length === 0 ? '' : `, which ${quote(scripts.at(-1) ?? '')} is a script for`;
      throw new BuilderError('BINARY_MISSING', `there is no program ${quote(path)} on this machine${why}`, {
        hint: 'install it here, or take its package with os: debian:13 and packages',
      });
    }
    const beginning = await this.#root.beginningOf(place);
    if (isElf(beginning)) {
      await this.#addElf({
        path: place,
        elf: await this.#elf(place),
        origins: [dirname(place)],
        loader: undefined,
        isOptional: false,
      });
      return;
    }
    const shebang = readShebang(beginning);
    if (shebang === undefined || scripts.includes(place)) {
      throw new BuilderError(
        'BINARY_UNSUPPORTED',
        `${quote(path)} is neither a program for Linux nor a script`,
      );
    }
    await this.addProgram(shebang.interpreter, [...scripts, place]);
    if (shebang.lookedUp !== undefined) {
      await this.addProgram(await this.#lookUp(shebang.lookedUp), [...scripts, place]);
    }
  }

  async #lookUp(name: string): Promise<string> {
    for (const folder of programFolders) {
      const found = await this.#root.follow(`${folder}/${name}`);
      if (found !== undefined && (await this.#root.isFile(found.path))) return `${folder}/${name}`;
    }
    return `${programFolders[0]}/${name}`;
  }

  /** Adds a program with everything that is loaded into its process, level by level as the dynamic linker does. */
  async #addElf(program: Loaded): Promise<void> {
    const { interpreter, machine } = program.elf;
    this.machines.add(machine);
    const names = new Map<string, string>();
    const remember = ({ path, elf }: Loaded) => {
      names.set(elf.soname ?? basename(path), path);
    };
    const queue: Loaded[] = [program];
    if (interpreter !== undefined) {
      const place = await this.#take(interpreter);
      if (place === undefined) throw missing(interpreter, program);
      queue.push({
        path: place,
        elf: await this.#elf(place),
        origins: [dirname(place)],
        loader: program,
        isOptional: false,
      });
    }
    queue.forEach(remember);
    // Grows while it is gone through.
    for (const loaded of queue) {
      const load = async (name: string, isOptional: boolean): Promise<void> => {
        if (names.has(name)) return;
        const [found, ...variants] = await this.#find(name, loaded, program);
        if (found === undefined) {
          if (isOptional) return;
          throw missing(name, loaded);
        }
        names.set(name, found.path);
        for (const each of [found, ...variants]) {
          remember(each);
          queue.push(each);
        }
      };
      for (const name of loaded.elf.needed) await load(name, loaded.isOptional);
      const habits = habitsOf(loaded);
      for (const name of [...loaded.elf.loaded, ...habits.names]) await load(name, true);
      for (const path of await this.#inFolders(habits)) {
        const elf = await this.#elf(path);
        if (names.has(elf.soname ?? basename(path)) || !isSameKind(elf, program.elf)) continue;
        const module: Loaded = { path, elf, origins: [dirname(path)], loader: loaded, isOptional: true };
        remember(module);
        queue.push(module);
      }
    }
  }

  /** A library in the first folder that has one that fits, with its variants for newer processors. */
  async #find(name: string, loaded: Loaded, program: Loaded): Promise<readonly Loaded[]> {
    if (name.includes('/')) return await this.#candidates([name.startsWith('/') ? name : `/${name}`], loaded);
    const defaults = defaultFolders(program.elf);
    for (const folder of [...searchFolders(loaded), ...this.#configured, ...defaults]) {
      const places = ['', ...hardwareFolders.map((each) => `${each}/`)].map(
        (each) => `${folder}/${each}${name}`,
      );
      const found = await this.#candidates(places, loaded);
      if (found.length === 0) continue;
      const isReached = searchFolders(loaded).includes(folder) || defaults.includes(folder);
      // An image has no cache of what /etc/ld.so.conf names, so a link leads there.
      if (!isReached) this.links.set(`${defaults.at(-1)}/${name}`, `${folder}/${name}`);
      return found;
    }
    return [];
  }

  async #candidates(places: readonly string[], loader: Loaded): Promise<readonly Loaded[]> {
    const result: Loaded[] = [];
    for (const place of places) {
      const found = await this.#root.follow(place);
      if (found === undefined || !(await this.#root.isFile(found.path))) continue;
      const elf = await this.#elf(found.path);
      if (!isSameKind(elf, loader.elf)) continue;
      await this.#take(place);
      result.push({
        path: found.path,
        elf,
        origins: [...new Set([dirname(place), dirname(found.path)])],
        loader,
        isOptional: loader.isOptional,
      });
    }
    return result;
  }

  /** Adds what is in folders, and gives the libraries among it. */
  async #inFolders({ moduleFolders, dataFolders }: LoadHabits): Promise<readonly string[]> {
    const libraries: string[] = [];
    for (const folder of moduleFolders) libraries.push(...(await this.#inFolder(folder, false)));
    for (const folder of dataFolders) libraries.push(...(await this.#inFolder(folder, true)));
    return libraries;
  }

  /** @param isData whether what is no library is added, too */
  async #inFolder(folder: string, isData: boolean): Promise<readonly string[]> {
    const place = await this.#root.follow(folder);
    const libraries: string[] = [];
    const names = place === undefined ? [] : await this.#root.list(place.path);
    for (const name of names.filter((each) => each !== '__pycache__')) {
      const path = `${place?.path}/${name}`;
      const found = await this.#root.follow(path);
      if (found === undefined) continue;
      if (await this.#root.isFile(found.path)) {
        const isLibrary = isElf(await this.#root.beginningOf(found.path));
        if (isLibrary || isData) await this.#take(path);
        if (isLibrary) libraries.push(found.path);
      } else if (found.path === path) {
        libraries.push(...(await this.#inFolder(path, isData)));
      } else if (isData) {
        // Folders behind links may lead anywhere, also back; the link itself is part of the folder.
        for (const [link, target] of found.links) this.links.set(link, target);
      }
    }
    return libraries;
  }

  /** Adds a file and the links to it; undefined if there is none. */
  async #take(path: string): Promise<string | undefined> {
    const found = await this.#root.follow(path);
    if (found === undefined || !(await this.#root.isFile(found.path))) return undefined;
    for (const [link, target] of found.links) this.links.set(link, target);
    this.files.add(found.path);
    if (this.files.size > maxFiles) {
      throw new BuilderError('BINARY_UNSUPPORTED', `what the programs need has more than ${maxFiles} files`);
    }
    return found.path;
  }

  async #elf(path: string): Promise<ElfFile> {
    const known = this.#elfs.get(path);
    if (known !== undefined) return known;
    await using file = await this.#root.open(path);
    const elf = await readElf(async (offset, sizeBytes) => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(sizeBytes), 0, sizeBytes, offset);
      return buffer.subarray(0, bytesRead);
    }, path);
    this.#elfs.set(path, elf);
    return elf;
  }
}

/** Where DT_RPATH and DT_RUNPATH say that the needs of a file are looked for (ld.so(8)). */
function searchFolders(loaded: Loaded): readonly string[] {
  const expand = ({ elf, origins }: Loaded, folders: readonly string[]) => {
    return folders.flatMap((folder) => expandFolder(folder, elf, origins));
  };
  const inherited: string[] = [];
  if (loaded.elf.runpath.length === 0) {
    for (let at: Loaded | undefined = loaded; at !== undefined; at = at.loader) {
      if (at.elf.runpath.length === 0) inherited.push(...expand(at, at.elf.rpath));
    }
  }
  return [...inherited, ...expand(loaded, loaded.elf.runpath)];
}

function habitsOf({ elf, path, loader }: Loaded): LoadHabits {
  return loader === undefined
    ? programHabits(path, multiarchOf(elf.machine))
    : libraryHabits(elf.soname ?? basename(path), path);
}

function isSameKind(a: ElfFile, b: ElfFile): boolean {
  return a.bits === b.bits && a.machine === b.machine;
}

function missing(name: string, { path, loader }: Loaded): BuilderError {
  const chain = loader === undefined ? '' : `, which ${quote(loader.path)} needs`;
  return new BuilderError(
    'LIBRARY_MISSING',
    `${quote(path)}${chain}, needs ${quote(name)}, which is not on this machine`,
    {
      hint: 'install the package that has it; ldd shows what the program finds',
    },
  );
}
