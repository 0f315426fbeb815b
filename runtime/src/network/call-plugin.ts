import { spawnSync } from 'node:child_process';
import { basename } from 'node:path';
import type { JsonObject } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { printable } from '@img/spec/printable';
import { RuntimeError } from '../runtime-error.ts';
import { maxResultBytes, parsePluginAnswer } from './plugin-result.ts';
import { interfaceName, pluginPath } from './release-script.ts';

export type PluginCall = {
  readonly verb: 'ADD' | 'DEL';
  /** What the network knows the container by. */
  readonly containerId: string;
  /** The path of its network namespace. */
  readonly namespace: string;
  /** Where the plugins find each other. */
  readonly folder: string;
};

// A plugin that waits longer, such as for an address by DHCP, waits for ever.
const timeoutMs = 60_000;

/**
 * Runs a plugin (CNI 1.0.0, "Execution Protocol").
 *
 * @returns what it answered; an empty object for nothing, which is right for DEL
 * @throws RuntimeError NETWORK_FAILED with what it said
 */
export function callPlugin(program: string, call: PluginCall, request: JsonObject): JsonObject {
  const { status, stdout, stderr, error } = spawnSync(program, {
    input: JSON.stringify(request),
    cwd: '/',
    env: {
      PATH: pluginPath,
      CNI_COMMAND: call.verb,
      CNI_CONTAINERID: call.containerId,
      CNI_NETNS: call.namespace,
      CNI_IFNAME: interfaceName,
      CNI_PATH: call.folder,
    },
    maxBuffer: maxResultBytes,
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  const failure = (reason: string, cause?: unknown) =>
    new RuntimeError(
      'NETWORK_FAILED',
      `network plugin ${basename(program)} failed at ${call.verb}: ${printable(reason.trim()) || 'it did not say why'}`,
      { cause },
    );
  if (error !== undefined) throw failure(error.message, error);
  if (status !== 0) throw failure(reasonOf(stdout) ?? stderr.toString());
  if (stdout.toString().trim() === '') return {};
  try {
    return parsePluginAnswer(stdout);
  } catch (cause) {
    throw failure((cause as Error).message, cause);
  }
}

// "Error": an object with `code`, `msg` and perhaps `details`.
function reasonOf(stdout: Uint8Array): string | undefined {
  try {
    const fields = new JsonFields(parsePluginAnswer(stdout), 'error', 'CONFIG_INVALID');
    const details = fields.optionalString('details');
    return `${fields.string('msg')}${details === undefined ? '' : ` (${details})`}`;
  } catch {
    return undefined;
  }
}
