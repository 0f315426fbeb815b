import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import type { RuntimeName } from './container-record.ts';
import { isRunning, type ProcessIdentity, readPidNamespace } from './process-identity.ts';

/** One process of this boot: its number, and when it was started, in clock ticks since then. */
export type FirstProcess = { readonly pid: number; readonly startTicks: number };

const maxBytes = 1024 * 1024;

const files: { readonly [name in RuntimeName]: readonly [name: string, pid: string, start: string] } = {
  runc: ['state.json', 'init_process_pid', 'init_process_start'],
  crun: ['status', 'pid', 'process-start-time'],
  // Which img has written.
  nspawn: ['status', 'pid', 'process-start-time'],
};

/**
 * The first process of a container, in whose process namespace all others are, as the runtime has written it down
 * before it lets the app begin. Undefined if it has not, or if what stands there can't be read.
 *
 * @param root where the runtime keeps its own state
 */
export function readFirstProcess(root: string, runtime: RuntimeName, id: string): FirstProcess | undefined {
  const [name, pid, start] = files[runtime];
  try {
    const bytes = readFileSync(join(root, id, name));
    const fields = new JsonFields(parseJson(bytes, { maxBytes }), name, 'CONFIG_INVALID');
    return { pid: fields.integer(pid, 1), startTicks: fields.integer(start, 0) };
  } catch {
    return undefined;
  }
}

/** Whether it still runs where this process sees it; in another process namespace its number means somebody else. */
export function isFirstRunning(first: FirstProcess, supervisor: ProcessIdentity): boolean {
  return supervisor.pidNamespace === readPidNamespace() && isRunning({ ...supervisor, ...first });
}
