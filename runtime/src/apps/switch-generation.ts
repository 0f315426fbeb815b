import { setTimeout as delay } from 'node:timers/promises';
import type { ProgressListener } from '@img/spec/progress';
import { RuntimeError } from '../runtime-error.ts';
import type { ContainerName } from '../state/container-name.ts';
import { identifyProcess, type ProcessIdentity } from '../state/process-identity.ts';
import { unitNames } from '../units/service-unit.ts';
import type { UnitStatus } from '../units/systemd.ts';
import type { AppContext } from './app-context.ts';
import type { Generation } from './app-files.ts';
import { beginTrial, confirm, reject } from './app-state.ts';
import { parseSeconds } from './duration.ts';
import { isJob, placeUnits, restartUnits } from './place-units.ts';

export type SwitchOptions = { readonly signal?: AbortSignal; readonly progress?: ProgressListener };

const pauseMs = 250;

/**
 * Starts a generation in the place of the current one and watches it for its stability window. If it does not become
 * healthy or is started again in that time, the one before is started again, and this one is never chosen by itself.
 * The caller holds the app's lock. A kill at any instant leaves one of the two current.
 *
 * @throws RuntimeError UPDATE_ROLLED_BACK with why; HOST_STOPPING, or the reason of the signal, with the trial undecided
 */
export async function switchGeneration(
  name: ContainerName,
  generation: Generation,
  context: AppContext,
  options: SwitchOptions = {},
): Promise<void> {
  const { host } = context;
  const before = await host.apps.state(name);
  const previous = await host.apps.generation(name, before.trial?.previous ?? before.current);
  const state = beginTrial(before, generation.number, self());
  await host.apps.writeState(name, state);
  const fault = await faultOf(name, generation, previous, context, options);
  if (fault !== undefined) await context.systemd.checkStaying();
  const judged = fault === undefined ? confirm(state, context.now()) : reject(state, fault, context.now());
  await host.apps.writeState(name, judged);
  if (fault === undefined) {
    await host.apps.prune(name, judged);
    return;
  }
  await placeUnits(name, previous, context, generation);
  const second = await restartFault(name, previous, context);
  await host.apps.prune(name, judged);
  const now = second === undefined ? 'runs again' : `does not run either: ${second}`;
  throw new RuntimeError(
    'UPDATE_ROLLED_BACK',
    `generation ${generation.number} of ${name} was given up: ${fault}; generation ${judged.current} ${now}`,
    {
      hint: `journalctl --unit ${unitNames(name).service} shows what it said; img update waits for something newer`,
    },
  );
}

/** Why a generation is not good; undefined if it is. */
async function faultOf(
  name: ContainerName,
  generation: Generation,
  previous: Generation,
  context: AppContext,
  { signal, progress }: SwitchOptions,
): Promise<string | undefined> {
  const { systemd } = context;
  const unit = unitNames(name).service;
  await placeUnits(name, generation, context, previous);
  const fault = await restartFault(name, generation, context);
  if (fault !== undefined) return fault;
  // Nobody waits for the next time of a job.
  if (isJob(generation)) return undefined;
  const first = await systemd.status(unit);
  const seconds = parseSeconds(generation.definition.update?.stable ?? '60s', 'stability window');
  if (seconds > 0) progress?.({ kind: 'note', text: `${name} runs; it is watched for ${seconds} s` });
  const deadline = performance.now() + seconds * 1000;
  for (let now = first; ; now = await systemd.status(unit)) {
    const change = changeOf(unit, first, now);
    if (change !== undefined) return change;
    const left = deadline - performance.now();
    if (left <= 0) return undefined;
    await delay(Math.min(pauseMs, left), undefined, signal === undefined ? {} : { signal });
  }
}

async function restartFault(
  name: ContainerName,
  generation: Generation,
  context: AppContext,
): Promise<string | undefined> {
  try {
    await restartUnits(name, generation, context);
    return undefined;
  } catch (error) {
    if (error instanceof RuntimeError && error.code === 'APP_UNHEALTHY') return error.message;
    throw error;
  }
}

function changeOf(unit: string, first: UnitStatus, now: UnitStatus): string | undefined {
  if (now.activeState !== 'active') return `${unit} is ${now.activeState} (${now.result})`;
  return now.invocation === first.invocation ? undefined : `${unit} had to be started again`;
}

function self(): ProcessIdentity {
  const identity = identifyProcess(process.pid);
  if (identity === undefined) throw new RuntimeError('HOST_UNSUPPORTED', 'this host has no /proc');
  return identity;
}
