import { readFileSync } from 'node:fs';
import type { RunningContainer } from '../state/container.ts';
import { containerProcesses } from '../state/container-processes.ts';

/** A process of a container. */
export type ContainerProcess = {
  /** As the host numbers it. */
  readonly pid: number;
  /** As the app sees it. */
  readonly pidInside: number;
  readonly uid: number;
  /** One letter (proc(5), stat, field 3). */
  readonly state: string;
  readonly cpuSeconds: number;
  /** Memory that it has in use. */
  readonly memoryBytes: number;
  /** What it was started with; its name in brackets if it says nothing. */
  readonly command: readonly string[];
};

// USER_HZ, which is the same on all of Linux.
const ticksPerSecond = 100;

/** The processes of a container, in the order of their numbers. */
export function listProcesses(container: RunningContainer): readonly ContainerProcess[] {
  return containerProcesses(container).flatMap((pid) => readProcess(pid) ?? []);
}

/** Undefined if it has ended in the meantime. */
function readProcess(pid: number): ContainerProcess | undefined {
  const read = (name: string) => readFileSync(`/proc/${pid}/${name}`, 'utf8');
  try {
    const stat = read('stat');
    // The name stands in parentheses and may hold any character, so the fields are counted from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const status = new Map(
      read('status')
        .split('\n')
        .map((line) => line.split(':\t') as [string, string | undefined]),
    );
    const words = read('cmdline').replace(/\0$/, '').split('\0');
    const numbers = (key: string) => (status.get(key)?.trim() ?? '').split(/\s+/).map(Number);
    return {
      pid,
      pidInside: numbers('NSpid').at(-1) ?? pid,
      uid: numbers('Uid')[1] ?? 0,
      state: fields[0] ?? '?',
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
      memoryBytes: (numbers('VmRSS')[0] ?? 0) * 1024,
      command: words[0] === '' ? [`[${status.get('Name') ?? ''}]`] : words,
    };
  } catch {
    return undefined;
  }
}
