import { spawnSync } from 'node:child_process';
import { closeSync } from 'node:fs';
import { printable } from '@img/spec/printable';
import { RuntimeError } from '../runtime-error.ts';
import type { ContainerRecord } from '../state/container-record.ts';
import { identifyProcess } from '../state/process-identity.ts';
import type { RunState } from '../state/run-state.ts';
import type { ChosenRuntime } from './choose-runtime.ts';
import { type LaunchRequest, makeBundle, prepareLaunch } from './prepare-launch.ts';
import { runtimeArguments } from './runtime-arguments.ts';
import { readMismatch } from './self-check.ts';
import { type Monitor, startMonitor } from './start-monitor.ts';

/**
 * Starts an app that runs on without its caller. conmon (under 1 MB) holds its output and takes its exit code; it has
 * the mounts, which nobody else sees and which end with it. This process has a mount namespace of its own afterwards,
 * so it should have nothing left to do.
 *
 * @param atEnd what becomes of the container when it ends
 * @throws RuntimeError as `launch`, and RUNTIME_FAILED with what the runtime said; nothing is left then
 */
export async function launchDetached(
  state: RunState,
  request: LaunchRequest,
  atEnd: NonNullable<ContainerRecord['detached']>,
): Promise<ContainerRecord> {
  const prepared = prepareLaunch(state, request, atEnd);
  const { record, runtime } = prepared;
  let monitor: Monitor | undefined;
  try {
    const kept = makeBundle(state, request, prepared);
    monitor = startMonitor(state, runtime, record.id, { ...request.options, kept });
    for (const descriptor of kept) closeSync(descriptor);
    const handedOver = state.handOver(record, monitor.identity);
    const pid = await monitor.create();
    startContainer(state, runtime, record.id, pid);
    const mismatch = readMismatch(state.containerFolder(record.id));
    if (mismatch === undefined) return handedOver;
    throw notConfined(runtime, mismatch);
  } catch (error) {
    // What the runtime says of it, if it does, is less.
    const mismatch = readMismatch(state.containerFolder(record.id));
    await state.killAll(record.id);
    await monitor?.end();
    await state.discard(record.id);
    throw mismatch === undefined ? error : notConfined(runtime, mismatch, error);
  }
}

function notConfined({ path, name }: ChosenRuntime, mismatch: string, cause?: unknown): RuntimeError {
  return new RuntimeError(
    'RUNTIME_FAILED',
    `the app was ended, because it was not confined as asked by ${path}: ${mismatch}`,
    {
      cause,
      hint: `see img doctor, install another version of ${name}, or choose another one with --runtime`,
    },
  );
}

function startContainer(state: RunState, runtime: ChosenRuntime, id: string, pid: number): void {
  const args = [...runtimeArguments(state, runtime.name), 'start', id];
  const { status, stderr, error } = spawnSync(runtime.path, args, { cwd: '/', encoding: 'utf8' });
  // runc reports an app as dead that has started and ended before it looked.
  if (status === 0 || identifyProcess(pid) === undefined) return;
  throw new RuntimeError(
    'RUNTIME_FAILED',
    `the app could not be started: ${printable((error?.message ?? stderr).trim())}`,
  );
}
