import { parseHealthCheck } from '@img/runtime/apps/health-check';
import { askHealth } from '@img/runtime/containers/ask-health';
import type { RunningContainer } from '@img/runtime/state/container';
import { readContainerSettings } from '@img/runtime/state/container-settings';
import type { RunState } from '@img/runtime/state/run-state';
import { green, type Line, red } from '../output/text.ts';

/** What an app answered just now. */
export type CurrentHealth = {
  readonly check: string;
  readonly isHealthy: boolean;
  /** Why it is not healthy. */
  readonly fault: string | null;
};

// Whoever looks at many does not want to wait long for each.
const answerMs = 3000;

/** Asks an app for its health; undefined if its container has no health check. */
export async function currentHealth(
  state: RunState,
  container: RunningContainer,
  signal: AbortSignal,
): Promise<CurrentHealth | undefined> {
  const check = readContainerSettings(state.settingsFile(container.id))?.health;
  if (check === undefined) return undefined;
  const patience = () => AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
  const fault = await askHealth(state, container, parseHealthCheck(check), patience);
  signal.throwIfAborted();
  return { check, isHealthy: fault === undefined, fault: fault ?? null };
}

export function healthLine(health: CurrentHealth | undefined): Line {
  if (health === undefined) return '';
  return health.isHealthy ? green('healthy') : red(health.fault ?? '');
}
