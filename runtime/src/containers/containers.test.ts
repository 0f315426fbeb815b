import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findProgram, needsRoot } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { digestOf } from '@img/spec/digest';
import test from 'ava';
import { besideContainer } from '../launch/beside-container.ts';
import type { RuntimeError } from '../runtime-error.ts';
import { type EndedContainer, isEnded, type RunningContainer } from '../state/container.ts';
import { parseContainerName } from '../state/container-name.ts';
import type { ContainerRecord } from '../state/container-record.ts';
import { identifyProcess } from '../state/process-identity.ts';
import { RunState } from '../state/run-state.ts';
import { makeBusyboxTree } from '../testing/busybox-tree.ts';
import { assertNothingLeft, each, firstLine, run, start, startDetached } from '../testing/launch-harness.ts';
import { findContainer, findRunningContainer } from './find-container.ts';
import { readLog } from './read-log.ts';
import { removeContainer } from './remove-container.ts';
import { signalContainer } from './signal-container.ts';
import { stopContainer } from './stop-container.ts';
import { waitForEnd, waitUntilGone } from './wait-for-end.ts';

const untilTerm = 'trap "echo bye; exit 5" TERM; echo ready; while :; do sleep 0.1; done';

// However much else this machine has to do, the app is not killed before it could end.
const patient = { timeoutMs: 600_000 };

async function logOf(state: RunState, id: string): Promise<string> {
  const entries = await Array.fromAsync(
    readLog(state.logFile(id), { follow: () => state.isAlive(id) }),
    ({ stream, bytes }) => `${stream}: ${Buffer.from(bytes).toString()}`,
  );
  return entries.join('');
}

/** Resolves when the app has written something. */
async function untilItWrote(state: RunState, id: string): Promise<void> {
  for await (const _ of readLog(state.logFile(id), { follow: () => state.isAlive(id) })) return;
}

each('a detached app runs on; its output and exit code are kept until it is removed', async (t, runtime) => {
  const { id, state, runFolder } = await startDetached(t, runtime, 'echo out; echo err >&2; exit 7');
  const record = findContainer(state, id);
  const code = isEnded(record) ? record.exitCode : await waitForEnd(state, record);
  t.is(code, 7);
  t.regex(await logOf(state, id), /stdout: out\n/);
  t.regex(await logOf(state, id), /stderr: err\n/);
  await waitUntilGone(state, id);
  t.deepEqual((await state.sweep()).swept, [], 'it is kept');
  t.like(state.listEnded(), [{ id, exitCode: 7 }]);
  t.deepEqual(state.list(), []);
  t.throws(() => findRunningContainer(state, id), { code: 'CONTAINER_ENDED', message: /exit code 7/ });
  await removeContainer(state, findContainer(state, id));
  assertNothingLeft(t, runFolder, [id]);
});

each('only conmon stays for a detached app, and nobody else sees its mounts', async (t, runtime) => {
  const { id, state, runFolder } = await startDetached(t, runtime, untilTerm);
  const { supervisor } = findContainer(state, id);
  t.regex(readFileSync(`/proc/${supervisor.pid}/cmdline`, 'utf8'), /^[^\0]*conmon\0/);
  t.false(readFileSync('/proc/self/mountinfo', 'utf8').includes(runFolder));
  const parent = /^PPid:\t(\d+)$/m.exec(
    readFileSync(`/proc/${(findContainer(state, id) as RunningContainer).pid}/status`, 'utf8'),
  )?.[1];
  t.is(Number(parent), supervisor.pid);
  const open = readdirSync(`/proc/${supervisor.pid}/fd`).length;
  t.true(open < 20, `${open} descriptors`);
});

each('stopContainer() sends the signal of the image, and the app ends in its own way', async (t, runtime) => {
  const { id, state } = await startDetached(t, runtime, untilTerm);
  await untilItWrote(state, id);
  t.true(await stopContainer(state, findContainer(state, id), patient));
  t.like(findContainer(state, id), { exitCode: 5 });
  t.is(await logOf(state, id), 'stdout: ready\nstdout: bye\n');
});

each('stopContainer() kills what does not end in time, or at once if told so', async (t, runtime) => {
  for (const timeoutMs of [0, 100]) {
    const { id, state } = await startDetached(t, runtime, 'trap "" TERM; echo ready; sleep 1000');
    await untilItWrote(state, id);
    t.false(await stopContainer(state, findContainer(state, id), { timeoutMs }));
    t.like(findContainer(state, id), { exitCode: 137 });
  }
});

each('stopContainer() does not count how long an app is cleaned up after', async (t, runtime) => {
  const folder = temporaryFolder(t);
  const cleanUp = join(folder, 'clean-up');
  execFileSync('mkfifo', [cleanUp]);
  const script = `#!/bin/sh\ncase "$*" in *delete*) read -r line <${cleanUp};; esac\nexec ${findProgram(runtime)} "$@"\n`;
  writeFileSync(join(folder, runtime), script, { mode: 0o755 });
  const wrapper = ['env', `PATH=${folder}:${process.env['PATH']}`];
  const { id, state, runFolder } = await startDetached(t, runtime, untilTerm, { wrapper });
  await untilItWrote(state, id);
  const container = findContainer(state, id);
  await signalContainer(state, container, 15);
  // Nothing tells when conmon has recorded the end; cleaning up comes next.
  while (state.listEnded().length === 0) await delay(20);
  let asked = 0;
  class Watched extends RunState {
    override isAlive(name: string): boolean {
      asked += 1;
      // The first time there was no time left.
      if (asked === 2) writeFileSync(cleanUp, 'go\n');
      return super.isAlive(name);
    }
  }
  t.true(await stopContainer(new Watched(runFolder), container, { timeoutMs: Number.MIN_VALUE }));
  t.like(findContainer(state, id), { exitCode: 5 });
});

each('stopContainer() ends a container in the foreground, too', async (t, runtime) => {
  const { child, state, runFolder } = start(t, runtime, untilTerm);
  t.is(await firstLine(child), 'ready');
  const [container = t.fail()] = state.list();
  await t.throwsAsync(waitForEnd(state, container), { code: 'CONTAINER_ATTACHED' });
  const closed = once(child, 'close');
  t.true(await stopContainer(state, container, patient));
  t.deepEqual(await closed, [5, null]);
  assertNothingLeft(t, runFolder);
});

each('waitForEnd() has the exit code of a container that removes itself', async (t, runtime) => {
  const { id, state, runFolder } = await startDetached(t, runtime, untilTerm, { detached: 'removed' });
  await untilItWrote(state, id);
  const container = findContainer(state, id);
  const ended = waitForEnd(state, container);
  await signalContainer(state, container, 15);
  t.is(await ended, 5);
  assertNothingLeft(t, runFolder, [id]);
  t.throws(() => findContainer(state, id), { code: 'CONTAINER_UNKNOWN' });
  await t.throwsAsync(waitForEnd(state, container), { code: 'CONTAINER_UNKNOWN' });
  await signalContainer(state, container, 15);
});

test('signalContainer() asks to wait for an app of nspawn that has not started, not for one that has ended', async (t) => {
  const state = new RunState(join(temporaryFolder(t), 'run'));
  const record: ContainerRecord = {
    id: '1111111111111111' as ContainerRecord['id'],
    reference: '127.0.0.1:5000/com.example.app:1.0',
    digest: digestOf(new Uint8Array()),
    signers: [],
    profile: 'app',
    insecure: [],
    runtime: 'nspawn',
    stopSignal: 15,
    supervisor: identifyProcess(process.pid) as ContainerRecord['supervisor'],
    started: '2026-01-01T00:00:00.000Z',
  };
  state.add(record);
  await t.throwsAsync(signalContainer(state, record, 15), { message: /has not started yet$/ });
  state.remove(record.id);
  await t.notThrowsAsync(signalContainer(state, record, 15));
});

each('a killed conmon: the next sweep ends the app, and keeps what it wrote', async (t, runtime) => {
  const { id, state } = await startDetached(t, runtime, `${untilTerm} & wait`);
  await untilItWrote(state, id);
  const { supervisor, pid } = findContainer(state, id) as RunningContainer;
  process.kill(supervisor.pid, 'SIGKILL');
  await waitUntilGone(state, id);
  t.deepEqual((await state.sweep()).swept, [id]);
  t.false(existsSync(`/proc/${pid}/exe`));
  t.like(findContainer(state, id), { exitCode: 137 });
  t.is(await logOf(state, id), 'stdout: ready\n');
  t.deepEqual((await state.sweep()).swept, []);
  t.deepEqual(readdirSync(state.runtimeRoot(runtime)), []);
});

each(
  'a container that the runtime cannot make or start leaves nothing, and it says why',
  async (t, runtime) => {
    for (const verb of ['create', 'start']) {
      const folder = temporaryFolder(t);
      const real = findProgram(runtime);
      const script = `#!/bin/sh\ncase "$*" in *${verb}*) echo no luck >&2; exit 1;; *) exec ${real} "$@";; esac\n`;
      writeFileSync(join(folder, runtime), script, { mode: 0o755 });
      const { code, stderr, runFolder } = await run(t, runtime, 'sleep 1000', {
        detached: 'kept',
        wrapper: ['env', `PATH=${folder}:${process.env['PATH']}`],
      });
      t.is(code, 70);
      t.regex(stderr, /^RuntimeError RUNTIME_FAILED: .*no luck/);
      assertNothingLeft(t, runFolder);
    }
  },
);

each('an app that the kernel does not start has an exit code, and its log says why', async (t, runtime) => {
  const { id, state } = await startDetached(t, runtime, '', {
    prepare: (tree) => writeFileSync(join(tree, 'broken'), '\x7fELF', { mode: 0o755 }),
    image: { config: { cmd: ['/broken'] } },
  });
  await waitUntilGone(state, id);
  t.not((findContainer(state, id) as EndedContainer).exitCode, 0);
  t.regex(await logOf(state, id), /stderr: .*exec/);
});

each('img killed at any instant of a detached start: the next sweep leaves nothing', async (t, runtime) => {
  const folder = temporaryFolder(t);
  const shared = { tree: join(folder, 'tree'), runFolder: join(folder, 'run'), detached: 'kept' } as const;
  makeBusyboxTree(shared.tree);
  const state = new RunState(shared.runFolder);
  // Later and later, to meet every stage of a launch; whether it meets one is up to the machine.
  for (let round = 0; round < 16; round += 1) {
    const { child } = start(t, runtime, 'sleep 1000', shared);
    // It may well have ended before it is killed.
    const ended = once(child, 'exit');
    await delay(150 + round * 50);
    child.kill('SIGKILL');
    await ended;
    const { swept } = await state.sweep();
    const all = state.all();
    for (const container of all) {
      t.false(existsSync(join(state.runtimeRoot(runtime), container.id, 'exec.fifo')), 'it runs');
      await removeContainer(state, container, { isForced: true, timeoutMs: 0 });
    }
    t.deepEqual(state.all(), []);
    const ids = [...swept, ...all.map(({ id }) => id)];
    if (existsSync(shared.runFolder)) assertNothingLeft(t, shared.runFolder, ids);
  }
});

each('sixteen that want one name at once: one has it', async (t, runtime) => {
  const folder = temporaryFolder(t);
  const shared = { tree: join(folder, 'tree'), runFolder: join(folder, 'run'), name: 'web' };
  makeBusyboxTree(shared.tree);
  const starts = Array.from({ length: 16 }, () =>
    run(t, runtime, 'sleep 1000', { ...shared, detached: 'kept' }),
  );
  const results = await Promise.all(starts);
  const [first, ...others] = results.toSorted((a, b) => (a.code ?? 0) - (b.code ?? 0));
  t.is(first?.code, 0, first?.stderr);
  for (const { stderr } of others)
    t.regex(stderr, /^RuntimeError CONTAINER_NAME_TAKEN: .* the name web already/);
  const { state } = first ?? t.fail();
  t.is(state.all().length, 1);
  const web = findContainer(state, 'web');
  await t.throwsAsync(removeContainer(state, web), { code: 'CONTAINER_RUNNING' });
  await removeContainer(state, web, { isForced: true, timeoutMs: 0 });
  assertNothingLeft(t, shared.runFolder, [web.id]);
});

test('findContainer() takes a name, an id, or how one id begins', (t) => {
  const state = new RunState(join(temporaryFolder(t), 'run'));
  const supervisor = identifyProcess(process.pid) ?? t.fail();
  const record = {
    reference: 'x',
    digest: digestOf(new Uint8Array()),
    signers: [],
    profile: 'app' as const,
    insecure: [],
  };
  for (const [id, name] of [
    ['aa11111111111111', 'web'],
    ['aa22222222222222', 'aa1'],
    ['bb33333333333333', undefined],
  ] as const) {
    state.add({
      ...{ ...record, id, supervisor, runtime: 'crun', stopSignal: 15, started: new Date().toISOString() },
      ...(name === undefined ? {} : { name: parseContainerName(name) }),
    });
  }
  t.is(findContainer(state, 'web').id, 'aa11111111111111');
  t.is(findContainer(state, 'aa1').id, 'aa22222222222222', 'a name before the beginning of an id');
  t.is(findContainer(state, 'b').name, undefined);
  t.is(findContainer(state, 'aa11').name, parseContainerName('web'));
  t.throws(() => findContainer(state, 'aa'), { message: /2 containers have ids that begin with "aa"/ });
  const error = t.throws<RuntimeError>(() => findContainer(state, 'wbe'), { code: 'CONTAINER_UNKNOWN' });
  t.is(error.hint, 'did you mean web?');
});

test('besideContainer() says so of an app that has just ended, and leaves this process where it was', async (t) => {
  if (!needsRoot(t)) return;
  const state = new RunState(join(temporaryFolder(t), 'run'));
  const supervisor = identifyProcess(process.pid) ?? t.fail();
  const [id, started] = ['aa11111111111111', new Date().toISOString()];
  const image = { reference: 'x', digest: digestOf(new Uint8Array()), signers: [], insecure: [] };
  state.add({ ...image, id, profile: 'app', supervisor, runtime: 'crun', stopSignal: 15, started });
  const app = spawn('true');
  await once(app, 'exit');
  writeFileSync(state.pidFile(id), String(app.pid));
  const mounts = readlinkSync('/proc/thread-self/ns/mnt');
  const container = findRunningContainer(state, id);
  t.throws(() => besideContainer(state, container, () => t.fail()), {
    code: 'CONTAINER_ENDED',
    message: 'container aa11111111111111 has just ended',
  });
  t.is(readlinkSync('/proc/thread-self/ns/mnt'), mounts);
});

for (const name of ['', '-a', '.a', 'a b', 'a/b', 'ä', '0123456789abcdef', 'a'.repeat(64)]) {
  test(`parseContainerName() refuses ${JSON.stringify(name)}`, (t) => {
    t.throws(() => parseContainerName(name), { code: 'CONTAINER_NAME_INVALID' });
  });
}
