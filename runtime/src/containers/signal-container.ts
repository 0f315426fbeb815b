import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { printable } from '@img/spec/printable';
import { findRuntime } from '../launch/find-runtime.ts';
import { runtimeArguments } from '../launch/runtime-arguments.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { ContainerRecord } from '../state/container-record.ts';
import type { RunState } from '../state/run-state.ts';

/**
 * Sends a signal to the first process of a container. The runtime does it, because it knows that process from
 * another one with its number. One that has ended in the meantime needs none.
 *
 * @throws RuntimeError RUNTIME_MISSING, RUNTIME_FAILED
 */
export async function signalContainer(
  state: RunState,
  { id, name, runtime }: ContainerRecord,
  number: number,
): Promise<void> {
  const args = [...runtimeArguments(state, runtime), 'kill', id, String(number)];
  try {
    await promisify(execFile)(findRuntime(runtime), args);
  } catch (cause) {
    if (!state.list().some((running) => running.id === id)) return;
    const { stderr = '' } = cause as { readonly stderr?: string };
    throw new RuntimeError(
      'RUNTIME_FAILED',
      `signal ${number} could not be sent to container ${name ?? id}: ${printable(stderr.trim())}`,
      { cause },
    );
  }
}
