import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { RuntimeError } from '../runtime-error.ts';
import type { ContainerRecord } from '../state/container-record.ts';
import { parseExitCode, type RunState } from '../state/run-state.ts';

export type WaitOptions = {
  /** Without one it waits for ever. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
};

// Nothing tells when a process ends that is not one's own child.
const longestPauseMs = 50;

/**
 * Waits until nothing of a container runs any more.
 *
 * @returns false if the time was over before
 * @throws the reason of the signal
 */
export async function waitUntilGone(
  state: RunState,
  id: string,
  { timeoutMs = Number.POSITIVE_INFINITY, signal }: WaitOptions = {},
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (let pause = 1; state.isAlive(id); pause = Math.min(pause * 2, longestPauseMs)) {
    if (performance.now() >= deadline) return false;
    await delay(pause, undefined, signal === undefined ? {} : { signal });
  }
  return true;
}

/**
 * Waits until a detached container has ended, also if it is removed then.
 *
 * @returns its exit code
 * @throws RuntimeError CONTAINER_ATTACHED if somebody else takes its exit code, CONTAINER_UNKNOWN if it is gone already,
 *   CONTAINER_ENDED if it was killed so that nobody has its exit code; the reason of the signal
 */
export async function waitForEnd(
  state: RunState,
  container: ContainerRecord,
  { signal }: Pick<WaitOptions, 'signal'> = {},
): Promise<number> {
  const { id, detached } = container;
  const name: string = container.name ?? id;
  if (detached === undefined) {
    throw new RuntimeError(
      'CONTAINER_ATTACHED',
      `container ${name} runs in the foreground: its exit code goes to whoever started it`,
      { hint: 'start it with img run --detach to wait for it elsewhere' },
    );
  }
  // Open from the beginning, so that it can be read after it was removed.
  const exit = openExit(state, id, name);
  try {
    await waitUntilGone(state, id, signal === undefined ? {} : { signal });
    const code = readExit(exit) ?? state.listEnded().find((ended) => ended.id === id)?.exitCode;
    if (code !== undefined) return code;
  } finally {
    closeSync(exit);
  }
  throw new RuntimeError('CONTAINER_ENDED', `container ${name} has ended, and nothing has its exit code`, {
    hint: 'its conmon was killed',
  });
}

function openExit(state: RunState, id: string, name: string): number {
  try {
    return openSync(state.exitFile(id), 'r');
  } catch (cause) {
    throw new RuntimeError('CONTAINER_UNKNOWN', `container ${name} has ended and is gone`, { cause });
  }
}

function readExit(descriptor: number): number | undefined {
  const bytes = Buffer.alloc(Math.min(fstatSync(descriptor).size, 16));
  return parseExitCode(bytes.toString('utf8', 0, readSync(descriptor, bytes, 0, bytes.length, 0)));
}
