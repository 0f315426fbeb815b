import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { ExecutionContext } from 'ava';
import type { RuntimeName } from '../state/container-record.ts';
import type { RunState } from '../state/run-state.ts';
import {
  assertNothingLeft,
  each,
  firstLine,
  start,
  startDetached,
  theContainer,
} from '../testing/launch-harness.ts';
import { attachToContainer, resizeTerminal } from './attach-to-container.ts';
import { findContainer, findRunningContainer } from './find-container.ts';
import { removeContainer } from './remove-container.ts';
import { waitForEnd } from './wait-for-end.ts';

/** Somebody who is connected, types, and reads what comes. */
function attach(state: RunState, id: string) {
  const input = new PassThrough();
  const stop = new AbortController();
  const said = { stdout: '', stderr: '' };
  const news = new PassThrough({ objectMode: true });
  const onOutput = (bytes: Uint8Array, stream: 'stdout' | 'stderr') => {
    said[stream] += Buffer.from(bytes).toString();
    news.write(true);
  };
  const options = { input, onOutput, signal: stop.signal };
  const over = attachToContainer(state, findRunningContainer(state, id), options);
  const tooEarly = over.then(() => Promise.reject(new Error(`the app has ended: ${said.stderr}`)));
  // Waited for later, if at all.
  tooEarly.catch(() => undefined);
  const until = async (text: string) => {
    while (!said.stdout.includes(text)) await Promise.race([once(news, 'data'), tooEarly]);
  };
  return { input, said, over, until, stop: (reason: Error) => stop.abort(reason) };
}

async function startReader(t: ExecutionContext, runtime: RuntimeName, script: string, hasTerminal = false) {
  return await startDetached(t, runtime, script, { options: { isInteractive: true, hasTerminal } });
}

each('an app reads what those type who are connected, and they see what it writes', async (t, runtime) => {
  const script =
    'while read -r line; do echo "got $line"; echo "no $line" >&2; [ "$line" != end ] || exit 9; done';
  const { id, state, runFolder } = await startReader(t, runtime, script);
  const first = attach(state, id);
  first.input.write('one\n');
  await first.until('got one\n');
  first.input.end();
  first.stop(new Error('enough'));
  await t.throwsAsync(first.over, { message: 'enough' });
  t.is(state.list().length, 1, 'the app runs on');
  const [second, third] = [attach(state, id), attach(state, id)];
  third.input.write('two\n');
  await third.until('got two\n');
  second.input.write(`${'x'.repeat(3000)}\nend\n`);
  await Promise.all([second.over, third.over]);
  t.true(second.said.stdout.endsWith(`got ${'x'.repeat(3000)}\ngot end\n`), 'whoever types, all see it');
  t.true(third.said.stdout.endsWith('got end\n'));
  t.true(third.said.stderr.includes('no two\n'));
  t.false(third.said.stdout.includes('got one'), 'what was written before is in the log');
  const container = findContainer(state, id);
  t.is(await waitForEnd(state, container), 9);
  await removeContainer(state, findContainer(state, id));
  assertNothingLeft(t, runFolder, [id]);
});

each('an app that runs on has a terminal if it is asked for, whose size can change', async (t, runtime) => {
  // Nothing tells when a terminal has another size.
  const script = `read -r line; test -t 0 && test -t 1 && echo "terminal $line"
    until [ "$(stty size)" = "31 101" ]; do sleep 0.05; done; exit 3`;
  const { id, state } = await startReader(t, runtime, script, true);
  const { input, said, over } = attach(state, id);
  input.write('here\n');
  resizeTerminal(state, findRunningContainer(state, id), { columns: 101, rows: 31 });
  await over;
  t.is(said.stdout, 'here\r\nterminal here\r\n');
  t.is(await waitForEnd(state, findContainer(state, id)), 3);
});

each('what an app says at its end is read, also by who types more than it reads', async (t, runtime) => {
  const { id, state } = await startReader(t, runtime, 'read -r line; echo "got $line"; exit 4');
  const { input, said, over } = attach(state, id);
  input.write(`hello\n${'x'.repeat(1_000_000)}`);
  await over;
  t.is(said.stdout, 'got hello\n');
  t.is(await waitForEnd(state, findContainer(state, id)), 4);
});

each('an app in the foreground, and one that has ended, are not attached to', async (t, runtime) => {
  const { child, state } = start(t, runtime, 'echo ready; sleep 1000');
  t.is(await firstLine(child), 'ready');
  const container = await theContainer(state);
  const options = { onOutput: () => undefined };
  await t.throwsAsync(attachToContainer(state, container, options), { code: 'CONTAINER_ATTACHED' });
  const detached = await startDetached(t, runtime, 'sleep 1000');
  const running = findRunningContainer(detached.state, detached.id);
  await removeContainer(detached.state, running, { isForced: true });
  await t.throwsAsync(attachToContainer(detached.state, running, options), { code: 'CONTAINER_ENDED' });
  t.notThrows(() => resizeTerminal(detached.state, running, { columns: 80, rows: 24 }));
});
