import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { printable } from '@img/spec/printable';
import { findRuntime } from '../launch/find-runtime.ts';
import { runtimeArguments } from '../launch/runtime-arguments.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { ContainerRecord } from '../state/container-record.ts';
import { type FirstProcess, isFirstRunning, readFirstProcess } from '../state/first-process.ts';
import { signalProcess } from '../state/kill-processes.ts';
import type { RunState } from '../state/run-state.ts';

/**
 * Sends a signal to the first process of a container. The runtime does it, because it knows that process from
 * another one with its number; but not in another user namespace, and nspawn not at all. One that has ended in the
 * meantime needs none.
 *
 * @throws RuntimeError RUNTIME_MISSING, RUNTIME_FAILED
 */
export async function signalContainer(
  state: RunState,
  container: ContainerRecord,
  number: number,
): Promise<void> {
  const { id, name, runtime } = container;
  const isThere = () => state.list().some((running) => running.id === id);
  if (runtime === 'nspawn' && readFirst(state, container) === undefined && isThere()) {
    throw notStarted(container);
  }
  if (container.isUngrouped === true || runtime === 'nspawn') {
    signalFirstProcess(state, container, number);
    return;
  }
  const args = [...runtimeArguments(state, runtime), 'kill', id, String(number)];
  try {
    await promisify(execFile)(findRuntime(runtime), args);
  } catch (cause) {
    if (!isThere()) return;
    const { stderr = '' } = cause as { readonly stderr?: string };
    throw new RuntimeError(
      'RUNTIME_FAILED',
      `signal ${number} could not be sent to container ${name ?? id}: ${printable(stderr.trim())}`,
      { cause },
    );
  }
}

function readFirst(state: RunState, { id, runtime }: ContainerRecord): FirstProcess | undefined {
  return readFirstProcess(state.runtimeRoot(runtime), runtime, id);
}

function notStarted({ name, id }: ContainerRecord): RuntimeError {
  return new RuntimeError('RUNTIME_FAILED', `container ${name ?? id} has not started yet`, {
    hint: 'try again in a moment',
  });
}

function signalFirstProcess(state: RunState, container: ContainerRecord, number: number): void {
  const { id, name, supervisor } = container;
  const first = readFirst(state, container);
  if (first === undefined || !isFirstRunning(first, supervisor)) return;
  try {
    signalProcess(first.pid, number);
  } catch (cause) {
    if (!isFirstRunning(first, supervisor)) return;
    const reason = (cause as Error).message;
    throw new RuntimeError(
      'RUNTIME_FAILED',
      `signal ${number} could not be sent to container ${name ?? id}: ${reason}`,
      { cause },
    );
  }
}
