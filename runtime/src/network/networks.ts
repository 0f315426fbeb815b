import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolderSync } from '@img/registry/storage/make-folder';
import { printable } from '@img/spec/printable';
import type { RuntimeHook } from '@img/spec/runtime-config';
import { formatPortMapping, isSamePort, type PortMapping } from '../config/port-mapping.ts';
import { waitForLock } from '../linux/file-lock.ts';
import { findProgram } from '../linux/find-program.ts';
import { probePort } from '../linux/probe-port.ts';
import { RuntimeError } from '../runtime-error.ts';
import { killProcesses } from '../state/kill-processes.ts';
import { processesWithVariable } from '../state/process-identity.ts';
import { listFolder, sweepUnfinished, unfinishedName } from '../state/unfinished.ts';
import { addToNetwork, namespaceFile, replaceFile } from './add-to-network.ts';
import { findPlugins, pluginFolders } from './find-plugins.ts';
import { guardLoopback } from './guard-loopback.ts';
import { readNetworkList } from './network-list.ts';
import { encodeNetworkRecord, type NetworkRecord, parseNetworkRecord } from './network-record.ts';
import { releaseScript } from './release-script.ts';
import { checkTunnelPorts, findTunnelProgram, startTunnel, userNetwork } from './user-network.ts';

export type NetworkRequest = {
  /** Of the network of this one container, from {@link Networks.newId}. */
  readonly id: string;
  /** The id of the container. */
  readonly container: string;
  readonly ports: readonly PortMapping[];
};

/** A container's place in a network. */
export type JoinedNetwork = NetworkRecord & {
  readonly id: string;
  /** The path of its network namespace. */
  readonly namespace: string;
  /** What must stay open, in whatever process, for as long as the container is to be in the network; if anything. */
  readonly descriptor?: number;
};

const recordName = 'network.json';
// A hook is told the container's state on its input; crun complains to the app's user if it isn't read.
const hookScript = `while read -r line; do :; done\n${releaseScript}`;

/**
 * The networks of the containers of a host: one folder for each, with the namespace, kept by a mount, and what the
 * plugins have to be told to remove what they have made. Calls are synchronous where they must work in a private mount
 * namespace.
 *
 *     <id>/network.json    which container, its addresses and ports; there before anything else
 *     <id>/netns           the network namespace
 *     <id>/delete-N.json   the requests that end it
 *     <id>/tunnel.*        of the program that connects the container of a user other than root, in place of plugins
 *     leases/              the addresses of the network that is built in
 */
export class Networks {
  readonly #runFolder: string;
  readonly #folder: string;
  readonly #configFolder: string | undefined;

  /**
   * @param runFolder usually /run/img
   * @param configFolder where the administrator describes networks; usually /etc/img/net.d
   */
  constructor(runFolder: string, configFolder?: string) {
    this.#runFolder = runFolder;
    this.#configFolder = configFolder;
    this.#folder = join(runFolder, 'networks');
  }

  newId(): string {
    return randomBytes(8).toString('hex');
  }

  /**
   * Gives a container a network namespace of its own in the network `bridge`, and publishes its ports. When it throws,
   * nothing is left.
   *
   * @throws RuntimeError NETWORK_INVALID, NETWORK_MISSING, NETWORK_FAILED, PORT_INVALID, PORT_TAKEN, SYSTEM_CALL_FAILED
   */
  join({ id, container, ports }: NetworkRequest): JoinedNetwork {
    const list = readNetworkList(this.#configFolder, this.#runFolder);
    if (ports.length > 0 && !list.plugins.some(({ takesPorts }) => takesPorts)) {
      throw new RuntimeError('NETWORK_INVALID', `network ${list.name} has no plugin that publishes ports`, {
        hint: 'one such as portmap has "capabilities": {"portMappings": true}',
      });
    }
    const plugins = findPlugins(list);
    const planned = { container, ports, ...plugins, addresses: [], gateway: undefined, nameservers: [] };
    const folder = join(this.#folder, id);
    return this.#enter(id, planned, () => {
      guardLoopback(list);
      const record = { ...planned, ...addToNetwork({ id, folder, list, plugins, ports }) };
      replaceFile(join(folder, recordName), encodeNetworkRecord(record));
      return { ...record, id, namespace: namespaceFile(folder) };
    });
  }

  /**
   * The same for a user other than root, who has no bridge: a program of the user carries to and fro what the container
   * sends and gets. It ends when the network is released, and as soon as no process has the descriptor.
   *
   * @param namespace where the network namespace is mounted; a file in a mount namespace of this process's own
   * @throws RuntimeError NETWORK_MISSING, NETWORK_FAILED, PORT_INVALID, PORT_TAKEN, SYSTEM_CALL_FAILED
   */
  joinAsUser({ id, container, ports }: NetworkRequest, namespace: string): JoinedNetwork {
    checkTunnelPorts(ports);
    const program = findTunnelProgram((name) => findProgram(name, process.env['PATH']));
    const record = { container, ports, folder: '/', programs: [], ...userNetwork };
    const folder = join(this.#folder, id);
    return this.#enter(id, record, () => {
      const descriptor = startTunnel(program, { id, folder, namespace, ports });
      return { ...record, id, namespace, descriptor };
    });
  }

  /** What is known of a network; undefined if it is none any more. */
  read(id: string): NetworkRecord | undefined {
    try {
      return parseNetworkRecord(readFileSync(join(this.#folder, id, recordName)));
    } catch {
      // It is being removed, or somebody has changed it: then it is still removed, as far as that goes.
      return undefined;
    }
  }

  /** What the runtime does when the container has ended, and nothing of ours runs any more. */
  releaseHook({ id, folder, programs }: JoinedNetwork, sh: string): RuntimeHook {
    return { path: sh, args: ['sh', '-c', hookScript, 'img', ...this.#releaseWords(id, folder, programs)] };
  }

  /**
   * Removes a network with everything that was made for it; nothing if there is none.
   *
   * @throws RuntimeError NETWORK_STUCK with what a plugin said; the next call tries again
   */
  release(id: string): void {
    if (!existsSync(join(this.#folder, id))) return;
    const { folder = pluginFolders[0] ?? '', programs = [] } = this.read(id) ?? {};
    const words = this.#releaseWords(id, folder, programs);
    const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', releaseScript, 'img', ...words], {
      cwd: '/',
      encoding: 'utf8',
    });
    // Another command may have done the same at the same time.
    if (status === 0 || !existsSync(join(this.#folder, id))) return;
    throw new RuntimeError(
      'NETWORK_STUCK',
      `the network of a container that has ended can't be removed: ${printable(`${stdout} ${stderr}`.trim())}`,
      { hint: 'it is tried again by the next command; if the plugins were removed, install them again' },
    );
  }

  /**
   * Removes the networks that no container uses, after ending plugins that are still at work for them.
   *
   * @param findUsed the networks of the containers that run or are about to; undefined if that can't be said, so that
   *   all stay. It is asked only if there is a network.
   * @returns why others can't be removed now; each a NETWORK_STUCK
   * @throws the reason of the signal
   */
  async sweep(
    findUsed: () => ReadonlySet<string> | undefined,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<readonly RuntimeError[]> {
    sweepUnfinished(this.#folder);
    const stuck: RuntimeError[] = [];
    // In this order: a container is recorded before it has a network.
    const ids = listFolder(this.#folder).filter(isNetworkId);
    const used = ids.length === 0 ? undefined : findUsed();
    for (const name of used === undefined ? [] : ids) {
      if (used?.has(name) === true) continue;
      try {
        // A plugin outlives the command that was killed while it waited for it.
        await killProcesses(() => processesWithVariable(`CNI_CONTAINERID=${name}`), options);
        this.release(name);
      } catch (error) {
        const isStuck = error instanceof RuntimeError && error.code.endsWith('_STUCK');
        if (!isStuck) throw error;
        stuck.push(error);
      }
    }
    return stuck;
  }

  // One after the other: plugins of two containers get in each other's way where they make what both need.
  #enter(id: string, planned: NetworkRecord, action: () => JoinedNetwork): JoinedNetwork {
    makeFolderSync(this.#folder);
    return this.#withLock(() => {
      this.#checkFree(planned.ports);
      this.#begin(id, planned);
      try {
        return action();
      } catch (error) {
        this.#releaseAfter(error, id);
        throw error;
      }
    });
  }

  // What could not be removed now the next sweep removes; why it was begun to be removed is what counts.
  #releaseAfter(cause: unknown, id: string): void {
    try {
      this.release(id);
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw new AggregateError([cause, error]);
    }
  }

  #releaseWords(id: string, folder: string, programs: readonly string[]): readonly string[] {
    return [join(this.#folder, id), folder, ...programs.toReversed()];
  }

  #checkFree(ports: readonly PortMapping[]): void {
    for (const mapping of ports) {
      const text = `port ${formatPortMapping(mapping)}`;
      const holder = listFolder(this.#folder)
        .filter(isNetworkId)
        .map((id) => this.read(id))
        .find((record) => record?.ports.some((other) => isSamePort(mapping, other)));
      if (holder !== undefined) {
        throw new RuntimeError('PORT_TAKEN', `${text} is published by container ${holder.container}`, {
          hint: `stop it with img stop ${holder.container}, or choose another port of this host`,
        });
      }
      const fault = probePort(mapping.protocol, mapping.hostAddress, mapping.hostPort);
      if (fault === undefined) continue;
      if (fault === 'not allowed') {
        throw new RuntimeError('PORT_TAKEN', `${text} can't be published: it is for root alone`, {
          hint: 'choose a port from 1024 on, or see /proc/sys/net/ipv4/ip_unprivileged_port_start',
        });
      }
      throw new RuntimeError(
        'PORT_TAKEN',
        fault === 'taken'
          ? `${text} is served by another program of this host`
          : `${text} can't be published: ${mapping.hostAddress} is ${fault}`,
        { hint: 'ss -lntup shows what is served; choose another port or address of this host' },
      );
    }
  }

  #begin(id: string, record: NetworkRecord): void {
    const temporary = join(this.#folder, unfinishedName(id));
    makeFolderSync(temporary);
    replaceFile(join(temporary, recordName), encodeNetworkRecord(record));
    renameSync(temporary, join(this.#folder, id));
  }

  #withLock<Result>(action: () => Result): Result {
    const folder = openSync(this.#folder, 'r');
    try {
      waitForLock(folder);
      return action();
    } finally {
      closeSync(folder);
    }
  }
}

function isNetworkId(name: string): boolean {
  return /^[0-9a-f]{16}$/.test(name);
}
