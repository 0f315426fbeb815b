import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { RuntimeError } from '../runtime-error.ts';

// About 3 s.
const maxAttempts = 85;

/**
 * Ends every process that is found, also those that such a process starts meanwhile.
 *
 * @param find the numbers of those that run now
 * @throws RuntimeError CONTAINER_STUCK if one can't be ended; the reason of the signal
 */
export async function killProcesses(
  find: () => readonly number[],
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    const pids = find();
    if (pids.length === 0) return;
    if (attempt === maxAttempts) {
      throw new RuntimeError('CONTAINER_STUCK', `the processes ${pids.join(', ')} can't be ended`, {
        hint: 'they wait for a device or a file system, and end with it or with the next boot',
      });
    }
    pids.forEach(killProcess);
    // The kernel ends them in its own time.
    await delay(Math.min(attempt, 50), undefined, signal === undefined ? {} : { signal });
  }
}

export function killProcess(pid: number): void {
  try {
    signalProcess(pid, constants.signals.SIGKILL);
  } catch {
    // It has ended in the meantime.
  }
}

/**
 * Sends a signal, if need be as the user whom the process belongs to: root of a user namespace may become all of its
 * users, which are the same in another namespace of the same user, but is nobody there.
 *
 * @throws what process.kill() throws
 */
export function signalProcess(pid: number, number: number): void {
  try {
    process.kill(pid, number);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM' || process.geteuid?.() !== 0) throw error;
    const [, owner] = /^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
    process.seteuid?.(Number(owner));
    try {
      process.kill(pid, number);
    } finally {
      process.seteuid?.(0);
    }
  }
}
