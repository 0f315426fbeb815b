import type { PullPolicy } from '../acquire-image.ts';
import type { FetchOptions } from '../fetch-layers.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { ContainerName } from '../state/container-name.ts';
import { NotTrustedError } from '../trust/not-trusted-error.ts';
import { updateUnits } from '../units/own-units.ts';
import { unitNames } from '../units/service-unit.ts';
import { findUpdate, type UpdateSource } from '../updates/find-update.ts';
import type { AppContext } from './app-context.ts';
import { type AppDefinition, checkDefinition } from './app-definition.ts';
import type { Generation } from './app-files.ts';
import { confirm, firstState } from './app-state.ts';
import { enabledUnits, placeUnits } from './place-units.ts';
import { stageGeneration } from './stage-generation.ts';
import { switchGeneration } from './switch-generation.ts';

export type InstallAppRequest = {
  readonly name: ContainerName;
  readonly definition: AppDefinition;
  /** The repository of its image in its registry. */
  readonly source: UpdateSource;
  /** When to ask the registry; `missing` unless given. */
  readonly pull?: PullPolicy;
  /** Whether an app of this name may be there already, which then goes on as this one. */
  readonly isReplacing?: boolean;
  /** The folder whose files say what it shall be; absent if somebody installs it. */
  readonly appliedFrom?: string;
  /** Whether its units are only written. */
  readonly isStartedLater?: boolean;
};

/**
 * Installs an app: fetches and checks its image, writes its units, and starts it with the host from now on, and now. An
 * app that is replaced comes back if the new one does not become healthy.
 *
 * @throws RuntimeError APP_EXISTS, APP_BUSY, APP_INVALID, APP_UNHEALTHY, UPDATE_ROLLED_BACK, and as `installImage`
 */
export async function installApp(
  request: InstallAppRequest,
  context: AppContext,
  options: FetchOptions = {},
): Promise<Generation> {
  const { name, definition, source, pull = 'missing', isStartedLater = false, appliedFrom } = request;
  const { host, systemd, now } = context;
  await systemd.check();
  const reference = checkDefinition(definition);
  await using _lock = await host.lockApp(name);
  const before = await host.apps.findState(name);
  if (before !== undefined && request.isReplacing !== true) {
    throw new RuntimeError('APP_EXISTS', `app ${name} is installed already`, {
      hint: `img update ${name} looks for a newer image; --replace installs it in another way`,
    });
  }
  const image =
    definition.version === undefined
      ? { source: reference }
      : await newestVersion(definition, source, context, options);
  const generation = await stageGeneration(name, definition, image, source, context, { ...options, pull });
  await placeUpdates(definition, context);
  const origin = appliedFrom === undefined ? {} : { appliedFrom };
  if (before !== undefined && !isStartedLater) {
    const { appliedFrom: _, ...state } = before;
    await host.apps.writeState(name, { ...state, ...origin });
    await switchGeneration(name, generation, context, options);
    await systemd.enable(...enabledUnits(name, generation));
    return generation;
  }
  const state = { ...(before ?? firstState(generation.number)), current: generation.number, ...origin };
  await host.apps.writeState(name, state);
  const last = before === undefined ? undefined : await host.apps.generation(name, before.current);
  await placeUnits(name, generation, context, last);
  // Also where its units were there, of an installation that was cut off.
  await systemd.enable(...enabledUnits(name, generation));
  if (isStartedLater) return generation;
  for (const unit of enabledUnits(name, generation)) await systemd.start(unit);
  await host.apps.writeState(name, confirm(state, now()));
  return generation;
}

async function newestVersion(
  definition: AppDefinition,
  source: UpdateSource,
  { host, now }: AppContext,
  options: FetchOptions,
) {
  const { found, refused } = await findUpdate(definition, source, await host.trust(), {
    ...options,
    now: now(),
  });
  if (found !== undefined) return found;
  const [newest] = refused;
  if (newest !== undefined) throw new NotTrustedError(newest.decision);
  throw new RuntimeError('IMAGE_MISSING', `${source.name} has no version ${definition.version}`);
}

async function placeUpdates({ update }: AppDefinition, { systemd, program }: AppContext): Promise<void> {
  if (update?.policy === 'manual') return;
  const units = updateUnits(program);
  if (!(await systemd.place(...units))) return;
  await systemd.enable(units[0].name);
  await systemd.start(units[0].name);
}

/** Ends an app and forgets it; its image stays until nothing needs it. */
export async function uninstallApp(
  name: ContainerName,
  { host, systemd, program }: AppContext,
): Promise<void> {
  await systemd.check();
  await using _lock = await host.lockApp(name);
  // One whose files are damaged can be removed, too.
  if (!(await host.apps.list()).includes(name)) await host.apps.state(name);
  const { service, socket, timer } = unitNames(name);
  await systemd.disable(timer, socket, service);
  await systemd.place(...[service, socket, timer].map((unit) => ({ name: unit, text: undefined })));
  await host.apps.remove(name);
  if ((await host.apps.list()).length > 0) return;
  const own = updateUnits(program);
  await systemd.disable(own[0].name);
  await systemd.place(...own.map((unit) => ({ name: unit.name, text: undefined })));
}
