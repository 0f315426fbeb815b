import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '@img/spec/json';
import type { PortMapping } from '../config/port-mapping.ts';
import { makeNetworkNamespace } from '../linux/network-namespace.ts';
import { RuntimeError } from '../runtime-error.ts';
import { callPlugin } from './call-plugin.ts';
import type { FoundPlugins } from './find-plugins.ts';
import type { NetworkList, NetworkPlugin } from './network-list.ts';
import { type NetworkResult, parseNetworkResult } from './plugin-result.ts';

export type Attachment = {
  /** What the network knows the container by. */
  readonly id: string;
  /** Where what is needed to end it is written, always before anything is there to end. */
  readonly folder: string;
  readonly list: NetworkList;
  readonly plugins: FoundPlugins;
  readonly ports: readonly PortMapping[];
};

/** Where the namespace of an attachment is. */
export function namespaceFile(folder: string): string {
  return join(folder, 'netns');
}

/**
 * Makes a network namespace and has the plugins connect it, one after the other. Whatever is thrown, the release script
 * then removes everything.
 *
 * @throws RuntimeError NETWORK_FAILED, SYSTEM_CALL_FAILED
 */
export function addToNetwork(attachment: Attachment): NetworkResult {
  const { id, folder, list, plugins } = attachment;
  const namespace = namespaceFile(folder);
  makeNetworkNamespace(namespace);
  let previous: JsonObject | undefined;
  for (const [index, plugin] of list.plugins.entries()) {
    writeDeletion(attachment, index, undefined);
    const program = plugins.programs[index];
    if (program === undefined) throw new TypeError('a plugin has no program');
    const call = { verb: 'ADD', containerId: id, namespace, folder: plugins.folder } as const;
    const request = requestFor(attachment, plugin, previous);
    try {
      previous = callPlugin(program, call, request);
    } catch (error) {
      // What it refuses to add it may refuse to delete, now and always.
      ignoreFailure(() => callPlugin(program, { ...call, verb: 'DEL' }, request));
      rmSync(deletionFile(attachment, index));
      throw error;
    }
  }
  for (const index of list.plugins.keys()) writeDeletion(attachment, index, previous);
  return resultOf(previous ?? {});
}

function ignoreFailure(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
  }
}

function resultOf(answer: JsonObject): NetworkResult {
  try {
    return parseNetworkResult(answer);
  } catch (cause) {
    throw new RuntimeError('NETWORK_FAILED', `the network gave no address: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** CNI 1.0.0, "Deriving execution configuration from plugin configuration". */
function requestFor(
  { list, ports }: Pick<Attachment, 'list' | 'ports'>,
  { config, takesPorts }: NetworkPlugin,
  previous: JsonObject | undefined,
): JsonObject {
  const portMappings = ports.map(({ hostAddress, hostPort, containerPort, protocol }) => {
    return { hostIP: hostAddress, hostPort, containerPort, protocol };
  });
  return {
    ...config,
    cniVersion: list.cniVersion,
    name: list.name,
    ...(takesPorts && ports.length > 0 ? { runtimeConfig: { portMappings } } : {}),
    ...(previous === undefined ? {} : { prevResult: previous }),
  };
}

function writeDeletion(attachment: Attachment, index: number, previous: JsonObject | undefined): void {
  const plugin = attachment.list.plugins[index];
  if (plugin === undefined) throw new TypeError('no such plugin');
  const request = requestFor(attachment, plugin, previous);
  replaceFile(deletionFile(attachment, index), JSON.stringify(request));
}

// Numbered from the last plugin, which is removed first.
function deletionFile({ folder, list }: Pick<Attachment, 'folder' | 'list'>, index: number): string {
  return join(folder, `delete-${list.plugins.length - 1 - index}.json`);
}

/** Writes a file such that it is there whole or not at all, as long as the host runs. */
export function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
