import { findContainer } from '@img/runtime/containers/find-container';
import { RuntimeError } from '@img/runtime/runtime-error';
import type { Container } from '@img/runtime/state/container';
import type { RunState } from '@img/runtime/state/run-state';

/** For words that may also mean something else: like `findContainer`, but undefined if there is none. */
export function findContainerIfAny(state: RunState, text: string): Container | undefined {
  try {
    return findContainer(state, text);
  } catch (error) {
    if (error instanceof RuntimeError && error.code === 'CONTAINER_UNKNOWN') return undefined;
    throw error;
  }
}
