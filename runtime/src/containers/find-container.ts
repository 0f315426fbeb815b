import { nearest } from '@img/spec/nearest';
import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';
import { type Container, isEnded, type RunningContainer } from '../state/container.ts';
import type { RunState } from '../state/run-state.ts';

/**
 * The container that somebody means: by its name, its id, or so much of the beginning of its id that no other is
 * meant.
 *
 * @throws RuntimeError CONTAINER_UNKNOWN
 */
export function findContainer(state: RunState, text: string): Container {
  const all = state.all();
  const exact = all.find(({ id, name }) => name === text || id === text);
  if (exact !== undefined) return exact;
  const [first, ...others] = /^[0-9a-f]+$/.test(text) ? all.filter(({ id }) => id.startsWith(text)) : [];
  if (first !== undefined && others.length === 0) return first;
  if (first !== undefined) {
    throw new RuntimeError(
      'CONTAINER_UNKNOWN',
      `${others.length + 1} containers have ids that begin with ${quote(text)}`,
      { hint: 'give more of the id; img ps --all lists them' },
    );
  }
  const similar = nearest(
    text,
    all.flatMap(({ name }) => name ?? []),
  );
  throw new RuntimeError('CONTAINER_UNKNOWN', `no container has the name or id ${quote(text)}`, {
    hint: similar === undefined ? 'img ps --all lists those of this host' : `did you mean ${similar}?`,
  });
}

/**
 * Like {@link findContainer}, for what can only be done to a container that runs.
 *
 * @throws RuntimeError CONTAINER_UNKNOWN, CONTAINER_ENDED
 */
export function findRunningContainer(state: RunState, text: string): RunningContainer {
  const container = findContainer(state, text);
  if (!isEnded(container)) return container;
  throw new RuntimeError(
    'CONTAINER_ENDED',
    `container ${container.name ?? container.id} has ended with exit code ${container.exitCode}`,
    { hint: 'start another one with img run, or see what it wrote with img logs' },
  );
}
