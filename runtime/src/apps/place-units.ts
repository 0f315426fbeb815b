import { findRuntime } from '../launch/find-runtime.ts';
import { runtimeArguments } from '../launch/runtime-arguments.ts';
import { findProgram } from '../linux/find-program.ts';
import type { ContainerName } from '../state/container-name.ts';
import type { RuntimeName } from '../state/container-record.ts';
import type { RunState } from '../state/run-state.ts';
import { tryMount } from '../tree/try-mount.ts';
import { serviceUnit, socketUnit, timerUnit, type UnitContext, unitNames } from '../units/service-unit.ts';
import type { AppContext } from './app-context.ts';
import type { Generation } from './app-files.ts';
import { appId } from './app-id.ts';

/** The files of an app's units as a generation wants them; without a text those that it has not. */
export function unitFiles(
  name: ContainerName,
  { definition, stopSignal }: Generation,
  { host, program }: Pick<AppContext, 'host' | 'program'>,
) {
  const { state } = host;
  const names = unitNames(name);
  const runtime = findProgram('crun') === undefined ? 'runc' : 'crun';
  const context: UnitContext = {
    name,
    program,
    runtime,
    forget: forgetWords(state, runtime),
    pidFile: state.pidFile(appId(name)),
    store: host.storeFolder,
    stopSignal,
    hasLoopDevices: (host.treeMethod ?? tryMount()) === 'loop',
  };
  return [
    { name: names.service, text: serviceUnit(definition, context) },
    { name: names.socket, text: socketUnit(definition, name) },
    { name: names.timer, text: timerUnit(definition, name) },
  ] as const;
}

/**
 * Makes the units of an app what a generation wants, and lets them be started with the host.
 *
 * @param before what they were for; nothing if it is not given
 */
export async function placeUnits(
  name: ContainerName,
  generation: Generation,
  context: AppContext,
  before?: Generation,
): Promise<void> {
  const { systemd } = context;
  const wanted = enabledUnits(name, generation);
  const gone =
    before === undefined ? [] : enabledUnits(name, before).filter((unit) => !wanted.includes(unit));
  if (gone.length > 0) await systemd.disable(...gone);
  if (await systemd.place(...unitFiles(name, generation, context))) await systemd.enable(...wanted);
}

/**
 * Starts what a generation is in the place of what runs of the app. A job is not run: its time is set anew.
 *
 * @throws RuntimeError APP_UNHEALTHY
 */
export async function restartUnits(
  name: ContainerName,
  generation: Generation,
  { systemd }: Pick<AppContext, 'systemd'>,
): Promise<void> {
  const { service, socket, timer } = unitNames(name);
  if (isJob(generation)) {
    await systemd.restart(timer);
    return;
  }
  // Its sockets go on listening in between.
  if (generation.definition.sockets !== undefined) await systemd.start(socket);
  await systemd.restart(service);
}

/** Whether a generation runs at its times, and not all the time. */
export function isJob({ definition }: Generation): boolean {
  return definition.schedule !== undefined;
}

function forgetWords(state: RunState, runtime: RuntimeName): readonly string[] {
  return [findRuntime(runtime), ...runtimeArguments(state, runtime, { isInUnit: true }), 'delete', '--force'];
}

/** The unit that is started with the host for an app: what leads to a start of the app. */
export function enabledUnits(name: ContainerName, { definition }: Generation): readonly string[] {
  const { service, socket, timer } = unitNames(name);
  if (definition.schedule !== undefined) return [timer];
  return definition.sockets === undefined ? [service] : [socket, service];
}
