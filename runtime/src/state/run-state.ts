import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolderSync } from '@img/registry/storage/make-folder';
import type { RuntimeHook } from '@img/spec/runtime-config';
import { RuntimeError } from '../runtime-error.ts';
import {
  type ContainerRecord,
  encodeContainerRecord,
  isContainerId,
  parseContainerRecord,
  type RuntimeName,
} from './container-record.ts';
import { killControlGroup, readControlGroups } from './control-groups.ts';
import { hasArgument, isRunning, readBootId, readPidNamespace } from './process-identity.ts';

/** A running container. */
export type RunningContainer = ContainerRecord & {
  /** Its first process, as the host numbers it; undefined while the runtime is still preparing. */
  readonly pid: number | undefined;
};

export type SweepOptions = { readonly signal?: AbortSignal };

export type Swept = {
  /** The ids of the containers of which something was removed. */
  readonly swept: readonly string[];
  /** Why others could not be ended now; each a CONTAINER_STUCK. The next sweep tries again. */
  readonly stuck: readonly RuntimeError[];
};

const recordName = 'record.json';
const runtimeNames: readonly RuntimeName[] = ['crun', 'runc'];

/**
 * The run folder of this host, usually /run/img: what runs now, and nothing that would outlive it.
 *
 *     containers/<id>/record.json   who, what, since when; written before anything of the container exists
 *     containers/<id>/pid           its first process
 *     runtimes/<crun|runc>/<id>/    the runtime's own state
 *     bundle/                       always empty: each launch mounts its bundle here, where only it can see it
 *
 * Calls are synchronous where they must work in a private mount namespace.
 */
export class RunState {
  readonly #folder: string;

  /** @param folder absolute; is created with the first container */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Where a launch mounts its bundle. */
  get bundleFolder(): string {
    return join(this.#folder, 'bundle');
  }

  /** Where the runtime keeps its own state. */
  runtimeRoot(runtime: RuntimeName): string {
    return join(this.#folder, 'runtimes', runtime);
  }

  /** Where the runtime writes the number of the container's first process. */
  pidFile(id: string): string {
    return join(this.#containerFolder(id), 'pid');
  }

  /**
   * What the runtime does at the end, when nothing of ours runs any more.
   *
   * @param programs where they are
   */
  poststop(id: string, { sh, rm }: { readonly sh: string; readonly rm: string }): readonly RuntimeHook[] {
    // A hook is told the container's state on its input; crun complains to the app's user if it isn't read.
    const script = 'while read -r line; do :; done; exec "$0" -rf -- "$1"';
    return [{ path: sh, args: ['sh', '-c', script, rm, this.#containerFolder(id)] }];
  }

  newId(): string {
    return randomBytes(8).toString('hex');
  }

  /** Records a container before anything of it exists. */
  add(record: ContainerRecord): void {
    for (const runtime of runtimeNames) makeFolderSync(this.runtimeRoot(runtime));
    makeFolderSync(this.bundleFolder);
    const { pid, startTicks } = record.supervisor;
    const temporary = join(this.#containers, `.new-${pid}-${startTicks}-${record.id}`);
    makeFolderSync(temporary);
    writeFileSync(join(temporary, recordName), encodeContainerRecord(record), { mode: 0o600 });
    renameSync(temporary, this.#containerFolder(record.id));
  }

  /** Forgets a container of which nothing exists. */
  remove(id: string): void {
    for (const runtime of runtimeNames) {
      rmSync(join(this.runtimeRoot(runtime), id), { recursive: true, force: true });
    }
    rmSync(this.#containerFolder(id), { recursive: true, force: true });
  }

  /**
   * The containers whose supervisor runs, oldest first.
   *
   * @throws RuntimeError STATE_INVALID
   */
  list(): readonly RunningContainer[] {
    return this.#ids()
      .flatMap((id) => {
        const record = this.#read(id);
        return record !== undefined && isRunning(record.supervisor)
          ? [{ ...record, pid: this.#readPid(id) }]
          : [];
      })
      .sort((a, b) => a.supervisor.startTicks - b.supervisor.startTicks);
  }

  /**
   * Removes what a killed process left: processes, control groups, the runtime's state, records. A container whose
   * supervisor was killed is ended, because nobody could take its exit code any more. Any number of commands may
   * sweep at the same time.
   *
   * @throws the reason of the signal
   */
  async sweep(options: SweepOptions = {}): Promise<Swept> {
    this.#sweepUnfinished();
    const swept: string[] = [];
    const stuck: RuntimeError[] = [];
    for (const id of this.#ids()) {
      if (this.#isInUse(id)) continue;
      try {
        await killControlGroup(readControlGroups(), `img-${id}`, options);
        this.remove(id);
        swept.push(id);
      } catch (error) {
        if (!(error instanceof RuntimeError) || error.code !== 'CONTAINER_STUCK') throw error;
        stuck.push(error);
      }
    }
    return { swept, stuck };
  }

  // The runtimes' folders are listed first, because a record is always there before them.
  #ids(): readonly string[] {
    const folders = [...runtimeNames.map((name) => this.runtimeRoot(name)), this.#containers];
    return [...new Set(folders.flatMap(listFolder))].filter(isContainerId);
  }

  // Undefined if there is none.
  #read(id: string): ContainerRecord | undefined {
    const path = join(this.#containerFolder(id), recordName);
    try {
      return parseContainerRecord(readFileSync(path), path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  #isInUse(id: string): boolean {
    try {
      const record = this.#read(id);
      return record === undefined ? this.#isEnding(id) : isRunning(record.supervisor);
    } catch (error) {
      // Somebody has changed the record, or a newer version wrote it: that is no reason to end a container.
      if (error instanceof RuntimeError && error.code === 'STATE_INVALID') return true;
      throw error;
    }
  }

  // crun removes its own state after the poststop hook has removed the record. A sweep in between must leave that
  // to crun, which would else report an error.
  #isEnding(id: string): boolean {
    return runtimeNames.some((name) => existsSync(join(this.runtimeRoot(name), id))) && hasArgument(id);
  }

  // A launch that was killed while it wrote its record.
  #sweepUnfinished(): void {
    for (const name of listFolder(this.#containers)) {
      const match = /^\.new-(\d+)-(\d+)-/.exec(name);
      if (match === null) continue;
      const [pid, startTicks] = [Number(match[1]), Number(match[2])];
      if (isRunning({ pid, startTicks, bootId: readBootId(), pidNamespace: readPidNamespace() })) continue;
      rmSync(join(this.#containers, name), { recursive: true, force: true });
    }
  }

  #readPid(id: string): number | undefined {
    try {
      const pid = Number(readFileSync(this.pidFile(id), 'utf8'));
      return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
    } catch {
      return undefined;
    }
  }

  get #containers(): string {
    return join(this.#folder, 'containers');
  }

  #containerFolder(id: string): string {
    return join(this.#containers, id);
  }
}

function listFolder(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
