import { execFile } from 'node:child_process';
import { get } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { HealthCheck } from '../apps/health-check.ts';
import { findRuntime } from '../launch/find-runtime.ts';
import { runtimeArguments } from '../launch/runtime-arguments.ts';
import { RuntimeError } from '../runtime-error.ts';
import { isRunning } from '../state/process-identity.ts';
import type { RunningContainer, RunState } from '../state/run-state.ts';

export type HealthOptions = { readonly timeoutMs: number; readonly signal?: AbortSignal };

const longestPauseMs = 250;
const requestTimeoutMs = 5000;

/**
 * Asks an app until it is healthy.
 *
 * @throws RuntimeError APP_UNHEALTHY if it has ended, or the time is over; the reason of the signal
 */
export async function waitUntilHealthy(
  state: RunState,
  container: RunningContainer,
  check: HealthCheck,
  { timeoutMs, signal }: HealthOptions,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (let pause = 5; ; pause = Math.min(pause * 2, longestPauseMs)) {
    const timeout = AbortSignal.timeout(
      Math.max(1, Math.min(deadline - performance.now(), requestTimeoutMs)),
    );
    const patience = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
    const fault = await faultOf(state, container, check, patience);
    signal?.throwIfAborted();
    if (!isRunning(container.supervisor)) throw unhealthy('the app has ended');
    if (fault === undefined) return;
    if (performance.now() >= deadline) {
      throw unhealthy(`the app was not healthy within ${Math.round(timeoutMs / 1000)} s: ${fault}`);
    }
    await delay(pause, undefined, signal === undefined ? {} : { signal });
  }
}

function unhealthy(message: string): RuntimeError {
  return new RuntimeError('APP_UNHEALTHY', message, { hint: 'what it said is above' });
}

/** Why it is not healthy; undefined if it is. */
async function faultOf(
  state: RunState,
  container: RunningContainer,
  check: HealthCheck,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (check.kind === 'http') return await httpFault(check, signal);
  if (check.kind === 'tcp') return await tcpFault(check, signal);
  return await commandFault(state, container, check.words, signal);
}

async function httpFault(
  { host, port, path }: Extract<HealthCheck, { kind: 'http' }>,
  signal: AbortSignal,
): Promise<string | undefined> {
  return await new Promise((resolve) => {
    const request = get({ host, port, path, signal, agent: false }, (answer) => {
      answer.destroy();
      const { statusCode = 0 } = answer;
      const isGood = statusCode >= 200 && statusCode < 400;
      resolve(isGood ? undefined : `port ${port} answered ${statusCode}`);
    });
    request.on('error', ({ message }) => resolve(`port ${port}: ${message}`));
  });
}

async function tcpFault(
  { host, port }: Extract<HealthCheck, { kind: 'tcp' }>,
  signal: AbortSignal,
): Promise<string | undefined> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port, signal }, () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.on('error', ({ message }) => resolve(`port ${port}: ${message}`));
  });
}

async function commandFault(
  state: RunState,
  { id, runtime }: RunningContainer,
  words: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const args = [...runtimeArguments(state, runtime, { isInUnit: true }), 'exec', id, ...words];
  return await new Promise((resolve) => {
    execFile(findRuntime(runtime), args, { signal }, (error) => {
      resolve(error === null ? undefined : `${words[0]} ended with ${error.code ?? error.message}`);
    });
  });
}
