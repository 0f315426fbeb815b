import type { FetchOptions } from '../fetch-layers.ts';
import { installImage } from '../install-image.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { ContainerName } from '../state/container-name.ts';
import type { AppContext } from './app-context.ts';
import { parseImage } from './app-definition.ts';
import type { Generation } from './app-files.ts';
import { type AppState, goBack } from './app-state.ts';
import { placeUnits, restartUnits } from './place-units.ts';

/**
 * Starts an earlier generation again. The one that it takes the place of is not chosen by any update any more.
 *
 * @param number the newest good one before the current one if not given
 * @throws RuntimeError GENERATION_UNKNOWN, APP_BUSY, APP_UNHEALTHY; changing nothing, as `installImage`
 */
export async function rollBackApp(
  name: ContainerName,
  number: number | undefined,
  context: AppContext,
  options: FetchOptions = {},
): Promise<Generation> {
  const { host, systemd, now } = context;
  await systemd.check();
  await using _lock = await host.lockApp(name);
  const state = await host.apps.state(name);
  const target = number ?? newestGoodBefore(name, state, await host.apps.generations(name));
  const generation = await host.apps.generation(name, target);
  const current = await host.apps.generation(name, state.current);
  const reference = { ...parseImage(generation.source), digest: generation.digest };
  const insecure = generation.definition.insecure ?? [];
  // What could not be started is found out before what runs is ended.
  const remote = host.images.repository(reference);
  await installImage({ reference, remote, pull: 'never', insecure }, host, options);
  await host.apps.writeState(name, goBack(state, target, now()));
  await placeUnits(name, generation, context, current);
  await restartUnits(name, generation, context);
  return generation;
}

function newestGoodBefore(
  name: ContainerName,
  { current, verdicts }: AppState,
  generations: readonly Generation[],
): number {
  const good = generations.findLast(
    ({ number }) => number < current && verdicts[String(number)]?.verdict === 'good',
  );
  if (good !== undefined) return good.number;
  throw new RuntimeError('GENERATION_UNKNOWN', `app ${name} has no good generation before ${current}`, {
    hint: `img history ${name} lists those that it has; img rollback ${name} GENERATION takes any of them`,
  });
}

/** Keeps an app as it is until it is unpinned, or lets it be updated again. */
export async function pinApp(name: ContainerName, isPinned: boolean, { host }: AppContext): Promise<void> {
  await using _lock = await host.lockApp(name);
  await host.apps.writeState(name, { ...(await host.apps.state(name)), isPinned });
}
