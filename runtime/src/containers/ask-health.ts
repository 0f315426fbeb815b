import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { HealthCheck } from '../apps/health-check.ts';
import { besideContainer } from '../launch/beside-container.ts';
import { findRuntime } from '../launch/find-runtime.ts';
import { runtimeArguments } from '../launch/runtime-arguments.ts';
import { inNetworkOf } from '../linux/network-of.ts';
import type { RunningContainer } from '../state/container.ts';
import type { RunState } from '../state/run-state.ts';
import { readAppProcess } from './describe-container.ts';

/**
 * Asks an app once whether it is healthy: over its own network, or with a command beside it.
 *
 * @param patience called when the app is about to be asked, which may be after others; tells how long it is waited for an
 *   answer
 * @returns why it is not; undefined if it is
 */
export async function askHealth(
  state: RunState,
  container: RunningContainer,
  check: HealthCheck,
  patience: () => AbortSignal,
): Promise<string | undefined> {
  const { pid } = container;
  if (pid === undefined) return 'the app has not started yet';
  try {
    if (check.kind === 'http') return await inNetworkOf(pid, async () => await httpFault(check, patience()));
    if (check.kind === 'tcp') return await inNetworkOf(pid, async () => await tcpFault(check, patience()));
    return await commandFault(state, container, check.words, patience());
  } catch (error) {
    // That it has just ended, or that this host can't ask.
    return (error as Error).message;
  }
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
    request.on('error', (error) => resolve(connectionFault(port, error, signal)));
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
    socket.on('error', (error) => resolve(connectionFault(port, error, signal)));
  });
}

function connectionFault(port: number, { message }: Error, signal: AbortSignal): string {
  return `port ${port}: ${signal.aborted ? 'no answer in time' : message}`;
}

async function commandFault(
  state: RunState,
  container: RunningContainer,
  words: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const { id, runtime, unit } = container;
  const app = { ...readAppProcess(state, id), terminal: false, args: words };
  // In the mount that only the runtime sees.
  const file = join(state.bundleFolder, 'health.json');
  const verb = ['exec', '--process', file, id];
  const args = [...runtimeArguments(state, runtime, { isInUnit: unit !== undefined }), ...verb];
  return await new Promise((resolve) => {
    besideContainer(state, container, () => {
      writeFileSync(file, JSON.stringify(app), { mode: 0o600 });
      execFile(findRuntime(runtime), args, { signal }, (error) => {
        resolve(error === null ? undefined : `${words[0]} ended with ${error.code ?? error.message}`);
      });
    });
  });
}
