import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * One process for all time: a number alone is given again, with its start time it is unique until the next boot.
 * It survives execve.
 */
export type ProcessIdentity = {
  readonly pid: number;
  /** Clock ticks from boot to start (proc(5), stat, field 22). */
  readonly startTicks: number;
  readonly bootId: string;
  /** Where the number means this process. */
  readonly pidNamespace: string;
};

// Both are the same as long as this process runs, and asked for with every process that is looked at.
let bootId: string | undefined;
let pidNamespace: string | undefined;

/** The kernel's name of the time between two boots. */
export function readBootId(): string {
  bootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return bootId;
}

/** The namespace that this process sees processes in. */
export function readPidNamespace(): string {
  pidNamespace ??= readlinkSync('/proc/self/ns/pid');
  return pidNamespace;
}

/** The identity of a running process; undefined if there is none with this number, or only what is left of one. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The name stands in parentheses and may hold any character, so the fields are counted from the last one.
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTicks = Number(fields[18]);
  if (state === 'Z' || state === 'X' || !Number.isSafeInteger(startTicks)) return undefined;
  return { pid, startTicks, bootId: readBootId(), pidNamespace: readPidNamespace() };
}

/** Whether it is this very process that still runs; one of another namespace can't be seen, and counts as running. */
export function isRunning(process: ProcessIdentity): boolean {
  if (process.bootId === readBootId() && process.pidNamespace !== readPidNamespace()) return true;
  const now = identifyProcess(process.pid);
  return now !== undefined && now.startTicks === process.startTicks && now.bootId === process.bootId;
}

/** The running processes that were started with exactly these arguments among theirs. */
export function processesWith(...words: readonly string[]): readonly number[] {
  return processesWhere('cmdline', (found) => words.every((word) => found.includes(word)));
}

/** The running processes that were started with this variable, `NAME=value`. */
export function processesWithVariable(variable: string): readonly number[] {
  return processesWhere('environ', (found) => found.includes(variable));
}

function processesWhere(
  file: 'cmdline' | 'environ',
  isWanted: (found: readonly string[]) => boolean,
): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      return isWanted(readFileSync(`/proc/${pid}/${file}`, 'utf8').split('\0'));
    } catch {
      // It has ended in the meantime.
      return false;
    }
  });
}
