import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { digestOf } from '@img/spec/digest';
import test, { type ExecutionContext } from 'ava';
import { parseHealthCheck } from '../apps/health-check.ts';
import { askHealth } from '../containers/ask-health.ts';
import type { RunningContainer } from '../state/container.ts';
import { identifyProcess } from '../state/process-identity.ts';
import { RunState } from '../state/run-state.ts';
import { waitUntilHealthy } from './wait-until-healthy.ts';

function container(pid = process.pid): RunningContainer {
  const supervisor = identifyProcess(pid);
  if (supervisor === undefined) throw new Error('it has ended');
  return {
    id: '0123456789abcdef',
    reference: 'test/app:1',
    digest: digestOf(new Uint8Array()),
    signers: [],
    profile: 'app',
    insecure: [],
    runtime: 'crun',
    stopSignal: 15,
    supervisor,
    started: '2026-11-22T12:00:00Z',
    pid,
  };
}

/** A server that answers with these, the last one for ever. */
async function serve(t: ExecutionContext, ...codes: readonly number[]): Promise<number> {
  let count = 0;
  const server = createServer((_, response) => {
    response.statusCode = codes[Math.min(count, codes.length - 1)] ?? 500;
    count += 1;
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

const forever = { timeoutMs: 3_600_000 };

for (const [scheme, codes, reason] of [
  ['http', [200], 'at once'],
  ['http', [503, 404, 302], 'in the end'],
  ['tcp', [500], 'if only the connection counts'],
] as const) {
  test(`waitUntilHealthy() of ${scheme} that answers ${codes.join(', ')} ends ${reason}`, async (t) => {
    const port = await serve(t, ...codes);
    const state = new RunState(temporaryFolder(t));
    await waitUntilHealthy(state, container(), parseHealthCheck(`${scheme}://:${port}`), forever);
    t.pass();
  });
}

test('waitUntilHealthy() says what was wrong when the time is over', async (t) => {
  const port = await serve(t, 503);
  const state = new RunState(temporaryFolder(t));
  // It looks once, however little time there is.
  const check = parseHealthCheck(`tcp://:${port}`);
  await waitUntilHealthy(state, container(), check, { timeoutMs: 60_000 });
  await t.throwsAsync(
    waitUntilHealthy(state, container(), parseHealthCheck(`http://:${port}`), { timeoutMs: 1 }),
    {
      code: 'APP_UNHEALTHY',
      message: /^the app was not healthy within 0 s: port \d+/,
    },
  );
});

test('askHealth() counts the time of an app from its turn, not from that of those before it', async (t) => {
  const silent = createServer().listen(0, '127.0.0.1');
  t.teardown(() => silent.close());
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const state = new RunState(temporaryFolder(t));
  const first = new AbortController();
  const answers: string[] = [];
  const ask = async (check: string, patience: () => AbortSignal) =>
    answers.push((await askHealth(state, container(), parseHealthCheck(check), patience)) ?? 'healthy');
  const isAsked = once(silent, 'request');
  const waiting = ask(`http://:${port}`, () => first.signal);
  const next = ask(`http://:${await serve(t, 200)}`, () => {
    answers.push('its turn');
    return new AbortController().signal;
  });
  await isAsked;
  t.deepEqual(answers, []);
  first.abort();
  await Promise.all([waiting, next]);
  t.deepEqual(answers.toSorted(), ['healthy', 'its turn', `port ${port}: no answer in time`]);
});

test('waitUntilHealthy() does not wait for an app that has ended', async (t) => {
  const port = await serve(t, 503);
  const app = spawn('sleep', ['1000']);
  const running = container(app.pid);
  app.kill();
  await once(app, 'exit');
  const state = new RunState(temporaryFolder(t));
  await t.throwsAsync(waitUntilHealthy(state, running, parseHealthCheck(`http://:${port}`), forever), {
    code: 'APP_UNHEALTHY',
    message: 'the app has ended',
  });
});

test('waitUntilHealthy() ends with the reason of its signal', async (t) => {
  const port = await serve(t, 503);
  const state = new RunState(temporaryFolder(t));
  const controller = new AbortController();
  const waiting = waitUntilHealthy(state, container(), parseHealthCheck(`http://:${port}`), {
    ...forever,
    signal: controller.signal,
  });
  controller.abort(new Error('enough'));
  await t.throwsAsync(waiting, { message: 'enough' });
});
