import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@img/registry/storage/make-folder';
import { syncFolder, temporaryPrefix, writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import { nearest } from '@img/spec/nearest';
import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';
import type { ContainerName } from '../state/container-name.ts';
import { encodeAppFile, type Generation, parseAppState, parseGeneration } from './app-files.ts';
import { parseAppName } from './app-name.ts';
import type { AppState, GenerationNumber } from './app-state.ts';

/** Generations that are kept besides the current one and the one to go back to. */
const keptGenerations = 4;

/**
 * The installed apps of a host.
 *
 *     <folder>/<name>/state.json            which generation is current, and what is known of each
 *     <folder>/<name>/generations/<n>.json  what a generation is; never changed
 *
 * Each change of an app is one rename, so a kill at any instant leaves it as it was or as it shall be. Whoever
 * changes one holds its lock, see `lockApp`.
 */
export class AppStore {
  readonly folder: string;

  /** @param folder absolute; is created with the first app */
  constructor(folder: string) {
    this.folder = folder;
  }

  /** The names of all apps, sorted. */
  async list(): Promise<readonly ContainerName[]> {
    const names = await listFolder(this.folder);
    // One that was being installed when its command was killed is none.
    return names
      .filter((name) => existsSync(join(this.folder, name, 'state.json')))
      .sort()
      .map(parseAppName);
  }

  /** @throws RuntimeError APP_UNKNOWN, STATE_INVALID */
  async state(name: ContainerName): Promise<AppState> {
    const state = await this.findState(name);
    if (state !== undefined) return state;
    const similar = nearest(name, await this.list());
    throw new RuntimeError('APP_UNKNOWN', `no app ${quote(name)} is installed`, {
      hint: similar === undefined ? 'img install installs one' : `did you mean ${similar}?`,
    });
  }

  /** Undefined if there is no such app. @throws RuntimeError STATE_INVALID */
  async findState(name: ContainerName): Promise<AppState | undefined> {
    const path = this.#statePath(name);
    const bytes = await readIfThere(path);
    return bytes === undefined ? undefined : parseAppState(bytes, path);
  }

  /** Durable when it returns. */
  async writeState(name: ContainerName, state: AppState): Promise<void> {
    await makeFolder(join(this.folder, name), 0o755);
    await writeFileAtomic(this.#statePath(name), encodeAppFile(state));
  }

  /** @throws RuntimeError STATE_INVALID also if it is not there */
  async generation(name: ContainerName, number: GenerationNumber): Promise<Generation> {
    const path = this.#generationPath(name, number);
    const bytes = await readIfThere(path);
    if (bytes === undefined) {
      throw new RuntimeError('GENERATION_UNKNOWN', `app ${name} has no generation ${number}`, {
        hint: `img history ${name} lists those that it has`,
      });
    }
    const generation = parseGeneration(bytes, path);
    if (generation.number === number) return generation;
    throw new RuntimeError('STATE_INVALID', `${quote(path)} is another generation than its name says`);
  }

  /** By ascending number. */
  async generations(name: ContainerName): Promise<readonly Generation[]> {
    const numbers = await this.#numbers(name);
    return await Promise.all(numbers.map((number) => this.generation(name, number)));
  }

  /** Those of all apps. @throws RuntimeError STATE_INVALID */
  async allGenerations(): Promise<readonly Generation[]> {
    const all = await Promise.all((await this.list()).map((name) => this.generations(name)));
    return all.flat();
  }

  /** Durable when it returns; gives it the next number. */
  async addGeneration(name: ContainerName, content: Omit<Generation, 'number'>): Promise<Generation> {
    const generation = { number: ((await this.#numbers(name)).at(-1) ?? 0) + 1, ...content };
    await makeFolder(this.#generationFolder(name), 0o755);
    await writeFileAtomic(this.#generationPath(name, generation.number), encodeAppFile(generation));
    return generation;
  }

  /** Forgets generations that nobody would go back to, and what killed commands were writing. */
  async prune(name: ContainerName, state: AppState): Promise<void> {
    const numbers = await this.#numbers(name);
    const isGood = (number: number) => state.verdicts[String(number)]?.verdict === 'good';
    const kept = new Set([
      state.current,
      ...numbers.filter((number) => isGood(number) && number !== state.current).slice(-2),
      ...numbers.slice(-keptGenerations),
    ]);
    for (const number of numbers) {
      if (!kept.has(number)) await rm(this.#generationPath(name, number), { force: true });
    }
    for (const folder of [join(this.folder, name), this.#generationFolder(name)]) {
      for (const file of await listFolder(folder)) {
        if (file.startsWith(temporaryPrefix)) await rm(join(folder, file), { force: true });
      }
    }
  }

  /** Forgets an app. What points at it goes first, so that half of it is none. */
  async remove(name: ContainerName): Promise<void> {
    await rm(this.#statePath(name), { force: true });
    await rm(join(this.folder, name), { recursive: true, force: true });
    await syncFolder(this.folder);
  }

  async #numbers(name: ContainerName): Promise<readonly GenerationNumber[]> {
    const files = await listFolder(this.#generationFolder(name));
    return files
      .flatMap((file) => /^([1-9]\d{0,8})\.json$/.exec(file)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  }

  #statePath(name: ContainerName): string {
    return join(this.folder, name, 'state.json');
  }

  #generationFolder(name: ContainerName): string {
    return join(this.folder, name, 'generations');
  }

  #generationPath(name: ContainerName, number: GenerationNumber): string {
    return join(this.#generationFolder(name), `${number}.json`);
  }
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function listFolder(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
