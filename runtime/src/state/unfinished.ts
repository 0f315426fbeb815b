import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { RuntimeError } from '../runtime-error.ts';
import { identifyProcess, isRunning, readBootId, readPidNamespace } from './process-identity.ts';

/** What a folder is called while this process still writes it, so that it can be told when that was killed. */
export function unfinishedName(name: string): string {
  const writer = identifyProcess(process.pid);
  if (writer === undefined) throw new RuntimeError('HOST_UNSUPPORTED', 'this host has no /proc');
  return `.new-${writer.pid}-${writer.startTicks}-${name}`;
}

/** Removes what killed processes had not finished writing. */
export function sweepUnfinished(folder: string): void {
  for (const name of listFolder(folder)) {
    const match = /^\.new-(\d+)-(\d+)-/.exec(name);
    if (match === null) continue;
    const [pid, startTicks] = [Number(match[1]), Number(match[2])];
    if (isRunning({ pid, startTicks, bootId: readBootId(), pidNamespace: readPidNamespace() })) continue;
    rmSync(join(folder, name), { recursive: true, force: true });
  }
}

/** The names in a folder; none if there is no such folder. */
export function listFolder(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
