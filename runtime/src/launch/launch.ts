import type { RunState } from '../state/run-state.ts';
import type { ChosenRuntime } from './choose-runtime.ts';
import { executeRuntime, keptStreams } from './execute-runtime.ts';
import { launchNspawn } from './launch-nspawn.ts';
import { type LaunchRequest, makeBundle, prepareLaunch } from './prepare-launch.ts';
import { runtimeArguments } from './runtime-arguments.ts';

/**
 * Puts the app in the place of this process: mounts the tree where only this process sees it, and executes the runtime,
 * which stays in the foreground. Exit code and signals are the runtime's; nothing of ours stays in memory, and
 * with the process everything that it mounted is gone.
 *
 * Does not return. When it throws, nothing runs and nothing is left but this process's own mount namespace, so
 * the process should end.
 *
 * @throws RuntimeError ROOT_REQUIRED, RUNTIME_LACKS, RUNTIME_MISSING, HOST_UNSUPPORTED, PLATFORM_MISMATCH, TERMINAL_REQUIRED,
 *   CONTAINER_NAME_TAKEN, COMMAND_NOT_FOUND, MOUNT_INVALID, SYSTEM_CALL_FAILED, and those of `runtimeConfig`
 */
export function launch(state: RunState, request: LaunchRequest): never {
  const prepared = prepareLaunch(state, request);
  const { id } = prepared.record;
  const { name } = prepared.runtime;
  try {
    const isFiltered = name === 'nspawn' || keptStreams(name, request.options).length > 0;
    const kept = makeBundle(state, request, prepared, isFiltered ? 1 : 0);
    if (name === 'nspawn') launchNspawn(state, prepared, request.options);
    execute(state, prepared.runtime, request, { id, kept });
  } catch (error) {
    state.remove(id);
    throw error;
  }
}

function execute(
  state: RunState,
  runtime: ChosenRuntime,
  { options, unit }: LaunchRequest,
  { id, kept }: { readonly id: string; readonly kept: readonly number[] },
): never {
  const args = [
    ...runtimeArguments(state, runtime.name, { isInUnit: unit !== undefined }),
    'run',
    '--bundle',
    state.bundleFolder,
    '--pid-file',
    state.pidFile(id),
    id,
  ];
  executeRuntime(runtime, args, options, kept);
}
