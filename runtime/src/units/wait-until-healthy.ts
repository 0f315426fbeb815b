import { setTimeout as delay } from 'node:timers/promises';
import type { HealthCheck } from '../apps/health-check.ts';
import { askHealth } from '../containers/ask-health.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { RunningContainer } from '../state/container.ts';
import { isRunning } from '../state/process-identity.ts';
import type { RunState } from '../state/run-state.ts';

export type HealthOptions = {
  readonly timeoutMs: number;
  /** How messages name the app; `the app` unless given. */
  readonly what?: string;
  /** What to do next if it is not healthy; where what it said is, unless given. */
  readonly hint?: string;
  readonly signal?: AbortSignal;
};

const longestPauseMs = 250;
const requestTimeoutMs = 5000;

/**
 * Asks an app until it is healthy; at least once, also if others are asked for so long before it that the time is over.
 *
 * @throws RuntimeError APP_UNHEALTHY if it has ended, or the time is over; the reason of the signal
 */
export async function waitUntilHealthy(
  state: RunState,
  container: RunningContainer,
  check: HealthCheck,
  { timeoutMs, what = 'the app', hint = 'what it said is above', signal }: HealthOptions,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let fault: string | undefined;
  let timeout: AbortSignal | undefined;
  const patience = () => {
    const leftMs = timeout === undefined ? timeoutMs : deadline - performance.now();
    timeout = AbortSignal.timeout(Math.ceil(Math.max(1, Math.min(leftMs, requestTimeoutMs))));
    return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  };
  for (let pause = 5; ; pause = Math.min(pause * 2, longestPauseMs)) {
    const answer = await askHealth(state, container, check, patience);
    signal?.throwIfAborted();
    if (!isRunning(container.supervisor)) throw unhealthy(`${what} has ended`, hint);
    if (answer === undefined) return;
    // What was wrong before says more than that there was no time left.
    if (timeout?.aborted !== true || fault === undefined) fault = answer;
    if (performance.now() >= deadline) {
      throw unhealthy(`${what} was not healthy within ${Math.round(timeoutMs / 1000)} s: ${fault}`, hint);
    }
    await delay(pause, undefined, signal === undefined ? {} : { signal });
  }
}

function unhealthy(message: string, hint: string): RuntimeError {
  return new RuntimeError('APP_UNHEALTHY', message, { hint });
}
