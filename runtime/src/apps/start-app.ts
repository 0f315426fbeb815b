import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describeRule } from '@img/sign/trust-rule';
import { formatReference } from '@img/spec/reference';
import type { RunOptions } from '../config/run-options.ts';
import type { FetchOptions } from '../fetch-layers.ts';
import type { Host } from '../host.ts';
import { type InstalledImage, installImage } from '../install-image.ts';
import { launch } from '../launch/launch.ts';
import type { LaunchRequest } from '../launch/prepare-launch.ts';
import { findProgram } from '../linux/find-program.ts';
import { recordedItems } from '../recorded-items.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { ContainerName } from '../state/container-name.ts';
import { isRunning } from '../state/process-identity.ts';
import { launchInUnit } from '../units/launch-in-unit.ts';
import { healthSeconds, unitNames } from '../units/service-unit.ts';
import { unitControlGroup } from '../units/unit-control-group.ts';
import { waitUntilHealthy } from '../units/wait-until-healthy.ts';
import { parseImage } from './app-definition.ts';
import type { Generation } from './app-files.ts';
import { appId } from './app-id.ts';
import { appOptions } from './app-options.ts';
import { abandon } from './app-state.ts';
import { parseSeconds } from './duration.ts';
import { parseHealthCheck } from './health-check.ts';

export type StartAppOptions = FetchOptions & {
  /** What systemd gives the unit. */
  readonly variables: { readonly [name: string]: string | undefined };
  /** Told what is about to run, when nothing but the launch is left to do. */
  readonly beforeLaunch?: (image: InstalledImage, generation: Generation) => Promise<void>;
};

/** Where an app finds the socket of systemd's notifications. */
const notifySocket = '/run/notify.sock';

/**
 * Starts an app for its unit, in whose control group this process is: from what is on this host, as it is trusted and
 * undamaged now, and waits until it is healthy. An update that nobody watches any more is undone first.
 *
 * @throws RuntimeError APP_UNHEALTHY, APP_UNKNOWN, and as `installImage` and `launch`
 */
export async function startApp(name: ContainerName, host: Host, options: StartAppOptions): Promise<void> {
  const { variables, beforeLaunch, ...fetchOptions } = options;
  const generation = await currentGeneration(name, host, fetchOptions);
  const { definition, digest, source } = generation;
  const reference = { ...parseImage(source), digest };
  await host.sweep(options.signal === undefined ? {} : { signal: options.signal });
  const insecure = definition.insecure ?? [];
  const remote = host.images.repository(reference);
  const request = { reference, remote, pull: 'never', insecure } as const;
  const image = await installImage(request, host, fetchOptions);
  await beforeLaunch?.(image, generation);
  await host.close();
  const sockets = /^[1-9]\d{0,3}$/.test(variables['LISTEN_FDS'] ?? '') ? Number(variables['LISTEN_FDS']) : 0;
  const launchRequest: LaunchRequest = {
    image: image.config,
    tree: image.tree,
    name,
    ...(definition.health === undefined ? {} : { health: definition.health }),
    options: unitOptions(appOptions(definition, variables['CREDENTIALS_DIRECTORY']), variables, sockets),
    unit: {
      name: unitNames(name).service,
      id: appId(name),
      controlGroup: unitControlGroup(readFileSync('/proc/self/cgroup', 'utf8')),
    },
    receipt: {
      reference: formatReference({ ...reference, digest: undefined }),
      digest,
      signers: image.decision.signers.map(({ identity }) => identity.name),
      ...(image.decision.trusted ? { rule: describeRule(image.decision.rule) } : {}),
      insecure: recordedItems(insecure, image.decision),
    },
  };
  if (definition.schedule !== undefined) launch(host.state, launchRequest);
  const container = launchInUnit(host.state, launchRequest, sockets);
  if (definition.notify === true) tellMainProcess(container.pid ?? 0);
  if (definition.health === undefined) return;
  const seconds = parseSeconds(definition.healthTimeout ?? `${healthSeconds}s`, 'health timeout');
  await waitUntilHealthy(host.state, container, parseHealthCheck(definition.health), {
    timeoutMs: seconds * 1000,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
}

async function currentGeneration(
  name: ContainerName,
  host: Host,
  { progress }: FetchOptions,
): Promise<Generation> {
  const { apps } = host;
  const { current, trial } = await apps.state(name);
  if (trial !== undefined && !isRunning(trial.updater) && (await endTrial(name, host))) {
    progress?.({
      kind: 'note',
      text: `the update of ${name} to generation ${current} was cut off, so generation ${trial.previous} is started`,
    });
    return await apps.generation(name, trial.previous);
  }
  return await apps.generation(name, current);
}

// False if another command has taken up the app in the meantime, which then decides.
async function endTrial(name: ContainerName, host: Host): Promise<boolean> {
  try {
    await using _lock = await host.lockApp(name);
    const state = await host.apps.state(name);
    if (state.trial === undefined || isRunning(state.trial.updater)) return false;
    await host.apps.writeState(name, abandon(state));
    return true;
  } catch (error) {
    if (error instanceof RuntimeError && error.code === 'APP_BUSY') return false;
    throw error;
  }
}

/** Lets the app use what systemd has for it: its sockets, and the one that its unit waits for notifications at. */
function unitOptions(
  options: RunOptions,
  variables: StartAppOptions['variables'],
  sockets: number,
): RunOptions {
  const names = variables['LISTEN_FDNAMES'];
  // sd_listen_fds(3); the app is process 1 where it is.
  const listening =
    sockets === 0
      ? []
      : [
          'LISTEN_PID=1',
          `LISTEN_FDS=${sockets}`,
          ...(names === undefined ? [] : [`LISTEN_FDNAMES=${names}`]),
        ];
  return withNotifications({ ...options, env: [...(options.env ?? []), ...listening] }, variables);
}

function withNotifications(options: RunOptions, variables: StartAppOptions['variables']): RunOptions {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdog } = variables;
  if (socket === undefined) return options;
  if (!socket.startsWith('/')) {
    throw new RuntimeError('HOST_UNSUPPORTED', 'the socket of systemd for notifications is no file');
  }
  const mount = { kind: 'bind', source: socket, destination: notifySocket, readOnly: false } as const;
  const timeout = watchdog === undefined ? [] : [`WATCHDOG_USEC=${watchdog}`];
  return {
    ...options,
    env: [...(options.env ?? []), `NOTIFY_SOCKET=${notifySocket}`, ...timeout],
    mounts: [...(options.mounts ?? []), mount],
  };
}

// The app goes on; this process ends.
function tellMainProcess(pid: number): void {
  const program = findProgram('systemd-notify') ?? 'systemd-notify';
  const { status, stderr } = spawnSync(program, [`MAINPID=${pid}`], { encoding: 'utf8' });
  if (status === 0) return;
  throw new RuntimeError('RUNTIME_FAILED', `systemd could not be told which process the app is: ${stderr}`);
}
