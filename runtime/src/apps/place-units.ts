import { findRuntime } from '../launch/find-runtime.ts';
import { runtimeArguments } from '../launch/runtime-arguments.ts';
import { findProgram } from '../linux/find-program.ts';
import type { ContainerName } from '../state/container-name.ts';
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
  const context: UnitContext = {
    name,
    program,
    forget: forgetWords(state),
    pidFile: state.pidFile(appId(name)),
    store: host.storeFolder,
    stopSignal,
  };
  return [
    { name: names.service, text: serviceUnit(definition, context) },
    { name: names.socket, text: socketUnit(definition, name) },
    { name: names.timer, text: timerUnit(definition, name) },
  ] as const;
}

/** Makes the units of an app what a generation wants. */
export async function placeUnits(
  name: ContainerName,
  generation: Generation,
  context: AppContext,
): Promise<void> {
  await context.systemd.place(...unitFiles(name, generation, context));
}

function forgetWords(state: AppContext['host']['state']): readonly string[] {
  const runtime = findProgram('crun') === undefined ? 'runc' : 'crun';
  return [findRuntime(runtime), ...runtimeArguments(state, runtime, { isInUnit: true }), 'delete', '--force'];
}

/** The unit that is started with the host for an app: what leads to a start of the app. */
export function enabledUnits(name: ContainerName, { definition }: Generation): readonly string[] {
  const { service, socket, timer } = unitNames(name);
  if (definition.schedule !== undefined) return [timer];
  return definition.sockets === undefined ? [service] : [socket, service];
}
