import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { makeFolderSync } from '@img/registry/storage/make-folder';
import type { RuntimeHook } from '@img/spec/runtime-config';
import { formatPortMapping } from '../config/port-mapping.ts';
import { waitForLock } from '../linux/file-lock.ts';
import { Networks } from '../network/networks.ts';
import { RuntimeError } from '../runtime-error.ts';
import { type Container, type EndedContainer, isEnded, type RunningContainer } from './container.ts';
import type { ContainerName } from './container-name.ts';
import {
  type ContainerRecord,
  encodeContainerRecord,
  isContainerId,
  parseContainerRecord,
  type RuntimeName,
  runtimeNames,
} from './container-record.ts';
import { killContainer } from './kill-container.ts';
import { killProcess, killProcesses } from './kill-processes.ts';
import { type LookedAt, lookAtRecord } from './look-at-record.ts';
import { isRunning, type ProcessIdentity, processesWith, readBootId } from './process-identity.ts';
import { RunFolder } from './run-folder.ts';
import { listFolder, sweepUnfinished, unfinishedName } from './unfinished.ts';

export type RunStateOptions = {
  /** Where the administrator describes networks; usually /etc/img/net.d. */
  readonly networkFolder?: string;
};

export type SweepOptions = { readonly signal?: AbortSignal };

export type Swept = {
  /** The ids of the containers of which something was removed. */
  readonly swept: readonly string[];
  /** Why others could not be ended now; each a CONTAINER_STUCK or NETWORK_STUCK. The next sweep tries again. */
  readonly stuck: readonly RuntimeError[];
};

const recordName = 'record.json';
// As after SIGKILL, which is how a sweep ends what is left.
const killedCode = 137;

/**
 * What runs now on this host, and nothing that would outlive it. Calls are synchronous where they must work in a
 * private mount namespace.
 */
export class RunState extends RunFolder {
  readonly networks: Networks;

  /** @param folder absolute; is created with the first container */
  constructor(folder: string, { networkFolder }: RunStateOptions = {}) {
    super(folder);
    this.networks = new Networks(folder, networkFolder);
  }

  /**
   * What the runtime does at the end, when nothing of ours runs any more.
   *
   * @param programs where they are
   */
  poststop(id: string, { sh, rm }: { readonly sh: string; readonly rm: string }): readonly RuntimeHook[] {
    // A hook is told the container's state on its input; crun complains to the app's user if it isn't read.
    const script = 'while read -r line; do :; done; exec "$0" -rf -- "$1"';
    return [{ path: sh, args: ['sh', '-c', script, rm, this.containerFolder(id)] }];
  }

  newId(): string {
    return randomBytes(8).toString('hex');
  }

  /**
   * Records a container before anything of it exists.
   *
   * @throws RuntimeError CONTAINER_NAME_TAKEN
   */
  add(record: ContainerRecord): void {
    for (const runtime of runtimeNames) makeFolderSync(this.runtimeRoot(runtime));
    makeFolderSync(this.bundleFolder);
    makeFolderSync(this.containers);
    const { name } = record;
    if (name === undefined) this.#add(record);
    else this.#withLock(() => this.#addNamed(record, name));
  }

  /**
   * Records that a container lives and ends with another process from now on, although this one still has to start it.
   *
   * @returns the new record
   */
  handOver(record: ContainerRecord, supervisor: ProcessIdentity): ContainerRecord {
    const changed = { ...record, supervisor, launcher: record.supervisor };
    const temporary = `${this.containerFolder(record.id)}/.${recordName}`;
    writeFileSync(temporary, encodeContainerRecord(changed), { mode: 0o600 });
    renameSync(temporary, join(this.containerFolder(record.id), recordName));
    return changed;
  }

  /** Forgets a container of which nothing exists but its network, which ends. */
  remove(id: string): void {
    this.#releaseNetwork(id);
    this.#forget(id);
  }

  #forget(id: string): void {
    for (const runtime of runtimeNames) this.#removeRuntimeState(runtime, id);
    rmSync(this.containerFolder(id), { recursive: true, force: true });
  }

  /**
   * The containers whose supervisor runs and which have not ended, oldest first.
   *
   * @throws RuntimeError STATE_INVALID
   */
  list(): readonly RunningContainer[] {
    return this.all().flatMap((container) => (isEnded(container) ? [] : [container]));
  }

  /**
   * The containers that have ended and are kept, oldest first.
   *
   * @throws RuntimeError STATE_INVALID
   */
  listEnded(): readonly EndedContainer[] {
    return this.all().filter(isEnded);
  }

  /**
   * Those that run and those that are kept, oldest first, each looked at once: one that ends meanwhile is there, too.
   *
   * @throws RuntimeError STATE_INVALID
   */
  all(): readonly Container[] {
    return this.#lookAtAll().flatMap(({ record, isSupervised }): readonly Container[] => {
      const end = this.#readEnd(record);
      if (end !== undefined) return record.detached === 'kept' ? [{ ...record, ...end }] : [];
      return isSupervised ? [{ ...record, pid: this.#pidOf(record), ...this.#networkOf(record) }] : [];
    });
  }

  /** Whether a process still works for a container, if only to clean up after it. */
  isAlive(id: string): boolean {
    return this.#lookAt(id)?.isSupervised ?? false;
  }

  /**
   * Ends whatever is left of a container that nobody supervises, and forgets it.
   *
   * @throws RuntimeError CONTAINER_STUCK; the reason of the signal
   */
  async discard(id: string, options: SweepOptions = {}): Promise<void> {
    await this.killAll(id, options);
    this.remove(id);
  }

  /**
   * Removes what a killed process left: processes, control groups, the runtime's state, records. A container whose
   * supervisor was killed is ended, because nobody could take its exit code any more; of one that is kept the
   * record and the output stay. Any number of commands may sweep at the same time.
   *
   * @throws the reason of the signal
   */
  async sweep(options: SweepOptions = {}): Promise<Swept> {
    sweepUnfinished(this.containers);
    const swept: string[] = [];
    const stuck: RuntimeError[] = [];
    for (const id of this.#ids()) {
      if (this.#isInUse(id)) continue;
      try {
        await this.#killMonitor(id, options);
        await this.killAll(id, options);
        if (this.#isKept(id)) this.#markEnded(id);
        else this.#forget(id);
        swept.push(id);
      } catch (error) {
        if (!(error instanceof RuntimeError) || error.code !== 'CONTAINER_STUCK') throw error;
        stuck.push(error);
      }
    }
    const others = await this.networks.sweep(() => this.#usedNetworks(), options);
    return { swept, stuck: [...stuck, ...others] };
  }

  // The runtimes' folders are listed first, because a record is always there before them.
  #ids(): readonly string[] {
    const folders = [...runtimeNames.map((name) => this.runtimeRoot(name)), this.containers];
    return [...new Set(folders.flatMap(listFolder))].filter(isContainerId);
  }

  #lookAtAll(): readonly LookedAt[] {
    return this.#ids()
      .flatMap((id) => this.#lookAt(id) ?? [])
      .sort(
        ({ record: a }, { record: b }) =>
          a.started.localeCompare(b.started) || a.supervisor.startTicks - b.supervisor.startTicks,
      );
  }

  #lookAt(id: string): LookedAt | undefined {
    return lookAtRecord(() => this.#read(id), isRunning);
  }

  #add(record: ContainerRecord): void {
    const temporary = join(this.containers, unfinishedName(record.id));
    makeFolderSync(temporary);
    writeFileSync(join(temporary, recordName), encodeContainerRecord(record), { mode: 0o600 });
    if (record.detached !== undefined) writeFileSync(join(temporary, 'exit'), '', { mode: 0o600 });
    renameSync(temporary, this.containerFolder(record.id));
  }

  #addNamed(record: ContainerRecord, name: ContainerName): void {
    const holder = this.#lookAtAll().find((other) => other.record.name === name)?.record;
    if (holder !== undefined) {
      throw new RuntimeError('CONTAINER_NAME_TAKEN', `container ${holder.id} has the name ${name} already`, {
        hint: `remove it with img rm ${name}, or take its place with --replace`,
      });
    }
    this.#add(record);
  }

  #withLock(action: () => void): void {
    const folder = openSync(this.containers, 'r');
    try {
      waitForLock(folder);
      action();
    } finally {
      closeSync(folder);
    }
  }

  #readEnd(record: ContainerRecord): Pick<EndedContainer, 'exitCode' | 'ended'> | undefined {
    if (record.detached === undefined) return undefined;
    try {
      const path = this.exitFile(record.id);
      const exitCode = parseExitCode(readFileSync(path, 'utf8'));
      return exitCode === undefined ? undefined : { exitCode, ended: statSync(path).mtime.toISOString() };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  // Undefined if there is none.
  #read(id: string): ContainerRecord | undefined {
    const path = join(this.containerFolder(id), recordName);
    try {
      return parseContainerRecord(readFileSync(path), path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  #isInUse(id: string): boolean {
    try {
      const found = this.#lookAt(id);
      if (found === undefined) return this.#isEnding(id);
      return found.isSupervised ? !this.#isAbandoned(found.record) : this.#isOver(found.record);
    } catch (error) {
      // Somebody has changed the record, or a newer version wrote it: that is no reason to end a container.
      if (error instanceof RuntimeError && error.code === 'STATE_INVALID') return true;
      throw error;
    }
  }

  // Undefined if a record can't be read: whose network is whose can't be said then.
  #usedNetworks(): ReadonlySet<string> | undefined {
    try {
      const used = this.#lookAtAll().filter(
        ({ record, isSupervised }) => isSupervised && !this.#isAbandoned(record),
      );
      return new Set(used.flatMap(({ record }) => record.networkId ?? []));
    } catch (error) {
      if (error instanceof RuntimeError && error.code === 'STATE_INVALID') return undefined;
      throw error;
    }
  }

  #networkOf({ networkId }: ContainerRecord): Pick<RunningContainer, 'network'> {
    const network = networkId === undefined ? undefined : this.networks.read(networkId);
    if (network === undefined) return {};
    const { addresses, ports } = network;
    return { network: { addresses, ports: ports.map(formatPortMapping) } };
  }

  // The next sweep removes what can't be removed now, and says why it can't.
  #releaseNetwork(id: string): void {
    try {
      const networkId = this.#read(id)?.networkId;
      if (networkId !== undefined) this.networks.release(networkId);
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
    }
  }

  // Whether it is kept, and nothing is left but what is to be kept.
  #isOver(record: ContainerRecord): boolean {
    const { id, detached, supervisor } = record;
    if (detached !== 'kept' || supervisor.bootId !== readBootId()) return false;
    const isEnded = this.#readEnd(record) !== undefined;
    return isEnded && !runtimeNames.some((name) => existsSync(join(this.runtimeRoot(name), id)));
  }

  #isKept(id: string): boolean {
    const record = this.#read(id);
    const isOfThisBoot = record?.supervisor.bootId === readBootId();
    // What was never started has written nothing.
    return isOfThisBoot && record.detached === 'kept' && existsSync(this.pidFile(id)) && !this.#isWaiting(id);
  }

  // Whether it is being made or was made, but the command that should have started it was killed.
  #isAbandoned({ id, launcher }: ContainerRecord): boolean {
    // In this order: as long as the command runs, it may start the container at any moment; and a runtime writes the
    // number of the process last.
    if (launcher === undefined || isRunning(launcher)) return false;
    return !existsSync(this.pidFile(id)) || this.#isWaiting(id);
  }

  // Both runtimes have this pipe as long as a container waits to be started.
  #isWaiting(id: string): boolean {
    return runtimeNames.some((name) => existsSync(join(this.runtimeRoot(name), id, 'exec.fifo')));
  }

  /** Ends every process of a container, but what only watches it. @throws as `killContainer` */
  async killAll(id: string, options: SweepOptions = {}): Promise<void> {
    await this.#killWatcher(id, options);
    const record = this.#read(id);
    await killContainer(id, record, this.runtimeRoot(record?.runtime ?? 'runc'), options);
  }

  // Beside nspawn a shell works as long as this folder is there; it would remove the same at the same time.
  async #killWatcher(id: string, options: SweepOptions): Promise<void> {
    const folder = join(this.runtimeRoot('nspawn'), id);
    if (existsSync(folder)) await killProcesses(() => processesWith(folder), options);
  }

  // It would record an end of what was never started, and a runtime that still makes the container would go on.
  async #killMonitor(id: string, options: SweepOptions): Promise<void> {
    const supervisor = this.#read(id)?.supervisor;
    if (supervisor === undefined || !isRunning(supervisor)) return;
    killProcess(supervisor.pid);
    for (const name of runtimeNames)
      await killProcesses(() => processesWith(this.runtimeRoot(name), id), options);
  }

  #markEnded(id: string): void {
    for (const runtime of runtimeNames) this.#removeRuntimeState(runtime, id);
    try {
      const isWritten = parseExitCode(readFileSync(this.exitFile(id), 'utf8')) !== undefined;
      if (!isWritten) writeFileSync(this.exitFile(id), `${killedCode}\n`, { flag: 'r+' });
    } catch (error) {
      // Somebody has removed the container in the meantime.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  #removeRuntimeState(runtime: RuntimeName, id: string): void {
    rmSync(join(this.runtimeRoot(runtime), id), { recursive: true, force: true });
  }

  // crun removes its own state after the poststop hook has removed the record. A sweep in between must leave that
  // to crun, which would else report an error.
  #isEnding(id: string): boolean {
    const isThere = runtimeNames.some((name) => existsSync(join(this.runtimeRoot(name), id)));
    return isThere && processesWith(id).length > 0;
  }

  #pidOf({ id }: ContainerRecord): number | undefined {
    try {
      const pid = Number(readFileSync(this.pidFile(id), 'utf8'));
      return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
    } catch {
      return undefined;
    }
  }
}

/** What an `exit` file says; undefined as long as the app runs. */
export function parseExitCode(text: string): number | undefined {
  const [, digits] = /^(\d{1,3})\n$/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits);
}
