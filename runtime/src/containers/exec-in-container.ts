import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeProcess } from '@img/spec/runtime-config';
import { capabilitiesOf } from '../config/confinement.ts';
import { environmentValue, mergeEnvironment } from '../config/environment.ts';
import type { RunOptions } from '../config/run-options.ts';
import { resolveUser } from '../config/user.ts';
import { parseWorkingDir } from '../config/working-dir.ts';
import { besideContainer } from '../launch/beside-container.ts';
import { checkCaller } from '../launch/check-caller.ts';
import { executeRuntime } from '../launch/execute-runtime.ts';
import { findRuntime } from '../launch/find-runtime.ts';
import { readInside } from '../launch/inside-root.ts';
import { runtimeArguments } from '../launch/runtime-arguments.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { RunningContainer } from '../state/container.ts';
import type { RunState } from '../state/run-state.ts';

export type ExecOptions = Pick<
  RunOptions,
  'env' | 'workingDir' | 'user' | 'hasTerminal' | 'isInteractive'
> & {
  readonly command: readonly [program: string, ...words: string[]];
};

const userFileBytes = 1024 * 1024;

/**
 * Puts a program in the place of this process that runs beside an app: in its namespaces and its control group, with
 * its user, environment, folder and limits as far as the caller does not change them, and with no right or system
 * call more than the app itself was given. Does not return.
 *
 * @throws RuntimeError ROOT_REQUIRED, TERMINAL_REQUIRED, CONTAINER_ENDED, RUNTIME_LACKS, RUNTIME_MISSING,
 *   ENVIRONMENT_INVALID, WORKING_DIR_INVALID, USER_INVALID, USER_UNKNOWN, GROUP_UNKNOWN, SYSTEM_CALL_FAILED
 */
export function execInContainer(state: RunState, container: RunningContainer, options: ExecOptions): never {
  checkCaller(options);
  const { id, runtime } = container;
  if (runtime === 'nspawn') throw notByNspawn(container);
  const path = findRuntime(runtime);
  const app = JSON.parse(readFileSync(state.processFile(id), 'utf8')) as RuntimeProcess;
  const content = JSON.stringify(processBeside(app, container, options));
  // In the mount that only the runtime sees and that ends with it, so that nothing is left of it, whatever happens.
  const file = join(state.bundleFolder, 'process.json');
  const args = [...runtimeArguments(state, runtime), 'exec', '--process', file, id];
  return besideContainer(state, container, () => {
    writeFileSync(file, content, { mode: 0o600 });
    return executeRuntime({ name: runtime, path }, args, options);
  });
}

function notByNspawn({ name, id }: RunningContainer): RuntimeError {
  return new RuntimeError(
    'RUNTIME_LACKS',
    `container ${name ?? id} runs by nspawn, which starts no command in a container`,
    { hint: 'run the image by crun or runc, see img doctor' },
  );
}

function processBeside(
  app: RuntimeProcess,
  container: RunningContainer,
  options: ExecOptions,
): RuntimeProcess {
  const { env = [], workingDir, hasTerminal = false, command } = options;
  const home = environmentValue(app.env, 'HOME') ?? '/';
  const defaults = { HOME: home, ...(hasTerminal ? { TERM: 'xterm' } : {}) };
  return {
    ...app,
    ...(options.user === undefined ? {} : userBeside(options.user, container)),
    terminal: hasTerminal,
    args: command,
    env: mergeEnvironment(app.env, env, defaults),
    ...(workingDir === undefined ? {} : { cwd: parseWorkingDir(workingDir) }),
  };
}

// An app that may write its tree decides what its names of users mean, as in any system.
function userBeside(
  text: string,
  container: RunningContainer,
): Pick<RuntimeProcess, 'user' | 'capabilities'> {
  const root = `/proc/${container.pid}/root/`;
  const { uid, gid, additionalGids } = resolveUser(text, {
    passwd: readInside(root, '/etc/passwd', userFileBytes, 'USER_INVALID'),
    group: readInside(root, '/etc/group', userFileBytes, 'USER_INVALID'),
  });
  return { user: { uid, gid, additionalGids }, capabilities: capabilitiesOf(uid, container) };
}
