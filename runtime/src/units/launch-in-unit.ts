import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { printable } from '@img/spec/printable';
import {
  type LaunchRequest,
  makeBundle,
  type PreparedLaunch,
  prepareLaunch,
} from '../launch/prepare-launch.ts';
import { runtimeArguments } from '../launch/runtime-arguments.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { RunningContainer } from '../state/container.ts';
import { identifyProcess } from '../state/process-identity.ts';
import type { RunState } from '../state/run-state.ts';

// Both runtimes pass sockets on if they are told that these are for them.
const forThisProcess = 'export LISTEN_PID=$$; exec "$@"';

/**
 * Starts an app that its unit goes on with: its first process stays in the unit's control group, and has the unit's
 * output and sockets. This process has a mount namespace of its own afterwards, so it should have nothing left to do.
 *
 * @param sockets how many systemd has opened for it, from descriptor 3 on
 * @throws RuntimeError as `launch`, and RUNTIME_FAILED; nothing is left then but what systemd ends with the unit
 */
export function launchInUnit(state: RunState, request: LaunchRequest, sockets: number): RunningContainer {
  const prepared = prepareLaunch(state, request);
  const { record } = prepared;
  try {
    makeBundle(state, request, prepared);
    execute(state, prepared, sockets);
    const pid = Number(readFileSync(state.pidFile(record.id), 'utf8'));
    const supervisor = identifyProcess(pid);
    if (supervisor === undefined) {
      throw new RuntimeError('RUNTIME_FAILED', 'the app has ended as soon as it was started', {
        hint: 'its last words are above',
      });
    }
    return { ...state.handOver(record, supervisor), pid };
  } catch (error) {
    state.remove(record.id);
    throw error;
  }
}

function execute(state: RunState, { record: { id }, runtime }: PreparedLaunch, sockets: number): void {
  const words = [
    runtime.path,
    ...runtimeArguments(state, runtime.name, { isInUnit: true }),
    'run',
    '--detach',
    '--bundle',
    state.bundleFolder,
    '--pid-file',
    state.pidFile(id),
    id,
  ];
  const descriptors = Array.from({ length: sockets }, (_, index) => 3 + index);
  const environment = sockets === 0 ? {} : { LISTEN_FDS: String(sockets) };
  const { status, error } = spawnSync(
    '/bin/sh',
    ['-c', sockets === 0 ? 'exec "$@"' : forThisProcess, 'sh', ...words],
    {
      stdio: ['ignore', 'inherit', 'inherit', ...descriptors],
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...environment },
    },
  );
  if (status === 0) return;
  throw new RuntimeError(
    'RUNTIME_FAILED',
    `${runtime.name} did not start the app${error === undefined ? '' : `: ${printable(error.message)}`}`,
    { hint: 'what it said is above' },
  );
}
