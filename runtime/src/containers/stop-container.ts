import { constants } from 'node:os';
import { RuntimeError } from '../runtime-error.ts';
import type { ContainerRecord } from '../state/container-record.ts';
import type { RunState } from '../state/run-state.ts';
import { signalContainer } from './signal-container.ts';
import { type WaitOptions, waitUntilGone } from './wait-for-end.ts';

/** How long an app may take to end before it is killed. */
export const stopTimeoutMs = 10_000;

// The kernel ends what was killed in moments, except where it waits for a device. What cleans up after it, such as
// plugins of networks, takes its time on a machine with much to do.
const cleanUpTimeoutMs = 60_000;

/**
 * Ends a container: asks the app with the signal that its image names, and kills it if it takes too long.
 *
 * @returns whether it ended by itself
 * @throws RuntimeError CONTAINER_STUCK, RUNTIME_MISSING, RUNTIME_FAILED; the reason of the signal
 */
export async function stopContainer(
  state: RunState,
  container: ContainerRecord,
  { timeoutMs = stopTimeoutMs, signal }: WaitOptions = {},
): Promise<boolean> {
  const { id, name, stopSignal } = container;
  const patience = signal === undefined ? {} : { signal };
  if (timeoutMs > 0) {
    await signalContainer(state, container, stopSignal);
    if (await waitUntilGone(state, id, { ...patience, timeoutMs })) return true;
  }
  // One that has ended in time is only being cleaned up after.
  const endedItself = timeoutMs > 0 && !state.list().some((running) => running.id === id);
  if (!endedItself) await signalContainer(state, container, constants.signals.SIGKILL);
  if (await waitUntilGone(state, id, { ...patience, timeoutMs: cleanUpTimeoutMs })) return endedItself;
  throw new RuntimeError('CONTAINER_STUCK', `container ${name ?? id} was killed, but has not ended`, {
    hint: 'one of its processes waits for a device or a file system, and ends with it or with the next boot',
  });
}
