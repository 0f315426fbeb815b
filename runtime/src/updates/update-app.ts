import { formatReference } from '@img/spec/reference';
import type { AppContext } from '../apps/app-context.ts';
import { parseImage } from '../apps/app-definition.ts';
import type { Generation } from '../apps/app-files.ts';
import { type AppState, rememberSeen } from '../apps/app-state.ts';
import { parseSeconds } from '../apps/duration.ts';
import { stageGeneration } from '../apps/stage-generation.ts';
import { switchGeneration } from '../apps/switch-generation.ts';
import type { FetchOptions } from '../fetch-layers.ts';
import { pullImage } from '../pull-image.ts';
import type { ContainerName } from '../state/container-name.ts';
import { NotTrustedError } from '../trust/not-trusted-error.ts';
import { unitNames } from '../units/service-unit.ts';
import { type FoundImage, findUpdate, type UpdateSource } from './find-update.ts';
import { isInWindow, parseMaintenanceWindow } from './maintenance-window.ts';
import { parseVersion } from './version.ts';

export type UpdateRequest = {
  readonly name: ContainerName;
  /** The app's repository in its registry. */
  readonly source: UpdateSource;
  /** Whether to look only. */
  readonly isCheck?: boolean;
  /** Whether ages and windows do not count, because somebody asks for it now. */
  readonly isForced?: boolean;
};

/** What became of an update. */
export type UpdateOutcome = {
  readonly name: ContainerName;
  readonly outcome: 'updated' | 'available' | 'current' | 'waiting' | 'pinned' | 'stopped';
  /** Why, for people. */
  readonly text: string;
  /** The image that was found, if there is a newer one. */
  readonly found?: { readonly source: string; readonly digest: string; readonly signers: readonly string[] };
};

/**
 * Looks for a newer image of an app's channel and, if it is trusted, old enough and its time has come, fetches it and
 * starts it in the place of the current one; see `switchGeneration`. Signatures of the current one are fetched again,
 * so that it goes on to be trusted when they are renewed.
 *
 * @throws NotTrustedError if all that is newer is not trusted; RuntimeError APP_BUSY, APP_UNKNOWN, UPDATE_ROLLED_BACK,
 *   and as `findUpdate` and `installImage`
 */
export async function updateApp(
  { name, source, isCheck = false, isForced = false }: UpdateRequest,
  context: AppContext,
  options: FetchOptions = {},
): Promise<UpdateOutcome> {
  const { host, systemd, now } = context;
  await using _lock = await host.lockApp(name);
  if (!isCheck) await resumeTrial(name, context, options);
  const state = await host.apps.state(name);
  const current = await host.apps.generation(name, state.current);
  const { definition } = current;
  const outcome = (kind: UpdateOutcome['outcome'], text: string, found?: FoundImage): UpdateOutcome => ({
    name,
    outcome: kind,
    text,
    ...(found === undefined ? {} : { found: describe(found) }),
  });
  const reference = parseImage(definition.image);
  if (reference.digest !== undefined)
    return outcome('pinned', 'it is installed by digest, which has no newer image');
  if (state.isPinned) return outcome('pinned', `img pin --off ${name} lets it be updated again`);
  const atLeast = parseVersion(parseImage(current.source).tag ?? '');
  const { found, refused } = await findUpdate(definition, source, await host.trust(), {
    ...options,
    now: now(),
    atLeast,
  });
  if (found === undefined || found.digest === current.digest) {
    if (found !== undefined && !isCheck) await refreshSignatures(found, source, context, options);
    const [newest] = refused;
    if (newest !== undefined) throw new NotTrustedError(newest.decision);
    return outcome('current', `generation ${current.number} is the newest`);
  }
  const seen = rememberSeen(state, found.digest, now());
  if (!isCheck) await host.apps.writeState(name, seen);
  const bad = await badGeneration(name, state, found, context);
  if (bad !== undefined) {
    return outcome(
      'pinned',
      `generation ${bad} was this image and was given up; waiting for a newer one`,
      found,
    );
  }
  const reason = isForced ? undefined : reasonToWait(current, seen, found, now());
  if (reason !== undefined) return outcome('waiting', reason, found);
  if (isCheck) return outcome('available', `img update ${name} installs it`, found);
  const { activeState } = await systemd.status(unitNames(name).service);
  if (activeState === 'inactive' && definition.schedule === undefined) {
    return outcome('stopped', 'it does not run; it is updated when it does', found);
  }
  const staged = await stageGeneration(name, definition, found, source, context, options);
  await switchGeneration(name, staged, context, options);
  return outcome('updated', `generation ${staged.number} runs`, found);
}

// One that was cut off begins anew: nobody has watched what became of it.
async function resumeTrial(name: ContainerName, context: AppContext, options: FetchOptions): Promise<void> {
  const { apps } = context.host;
  const { current, trial } = await apps.state(name);
  if (trial !== undefined)
    await switchGeneration(name, await apps.generation(name, current), context, options);
}

async function badGeneration(
  name: ContainerName,
  { verdicts }: AppState,
  { digest }: FoundImage,
  { host }: AppContext,
): Promise<number | undefined> {
  const generations = await host.apps.generations(name);
  return generations.findLast(
    (generation) => generation.digest === digest && verdicts[String(generation.number)]?.verdict === 'bad',
  )?.number;
}

function reasonToWait(
  { definition: { update = {} } }: Generation,
  { seen }: AppState,
  { digest }: FoundImage,
  now: Date,
): string | undefined {
  const { minAge = '0s', window } = update;
  const age = (now.getTime() - Date.parse(seen[digest] ?? now.toISOString())) / 1000;
  const left = parseSeconds(minAge, 'least age') - age;
  if (left > 0) return `this host has known it for ${Math.floor(age)} s of the ${minAge} that it waits`;
  if (window !== undefined && !isInWindow(parseMaintenanceWindow(window), now)) {
    return `it waits for its window, ${window}`;
  }
  return undefined;
}

async function refreshSignatures(
  { source: location, digest }: FoundImage,
  source: UpdateSource,
  { host }: AppContext,
  options: FetchOptions,
): Promise<void> {
  const tags = location.tag === undefined ? [] : [location.tag];
  await pullImage({ location, source, reference: digest, tags }, host, options);
}

function describe({ source, digest, decision }: FoundImage): NonNullable<UpdateOutcome['found']> {
  return {
    source: formatReference(source),
    digest,
    signers: decision.signers.map(({ identity }) => identity.name),
  };
}
