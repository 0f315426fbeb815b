import { RuntimeError } from '../runtime-error.ts';
import { type Container, isEnded } from '../state/container.ts';
import type { RunState } from '../state/run-state.ts';
import { stopContainer } from './stop-container.ts';
import { type WaitOptions, waitUntilGone } from './wait-for-end.ts';

export type RemoveContainerOptions = WaitOptions & {
  /** Whether a container that runs is stopped first. */
  readonly isForced?: boolean;
};

/**
 * Removes a container with its output and its exit code.
 *
 * @throws RuntimeError CONTAINER_RUNNING, and as `stopContainer`
 */
export async function removeContainer(
  state: RunState,
  container: Container,
  { isForced = false, ...options }: RemoveContainerOptions = {},
): Promise<void> {
  const { id, name, unit } = container;
  if (unit !== undefined) {
    throw new RuntimeError('CONTAINER_RUNNING', `container ${name ?? id} belongs to ${unit.name}`, {
      hint: `img uninstall ${name ?? id} ends the unit and forgets it`,
    });
  }
  if (!isEnded(container)) {
    if (!isForced) {
      throw new RuntimeError('CONTAINER_RUNNING', `container ${name ?? id} runs`, {
        hint: `stop it first with img stop ${name ?? id}, or remove it with --force`,
      });
    }
    await stopContainer(state, container, options);
  }
  // The monitor of one that has just ended still cleans up after it.
  await waitUntilGone(state, id, options.signal === undefined ? {} : { signal: options.signal });
  await state.discard(id, options.signal === undefined ? {} : { signal: options.signal });
}
