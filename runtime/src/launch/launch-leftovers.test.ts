import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { needsRoot, needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import { readControlGroups } from '../state/control-groups.ts';
import { RunState } from '../state/run-state.ts';
import { makeBusyboxTree } from '../testing/busybox-tree.ts';
import { assertNothingLeft, each, firstLine, run, start, theContainer } from '../testing/launch-harness.ts';

each('img killed in the middle of a launch: the next sweep leaves nothing', async (t, runtime) => {
  const { child, state, runFolder } = start(t, runtime, 'true', { stopsInLaunch: true });
  t.is(await firstLine(child), 'mounting');
  const [container] = state.list();
  t.is(container?.pid, undefined);
  t.deepEqual((await state.sweep()).swept, [], 'a launch that is under way is left alone');
  child.kill('SIGKILL');
  await once(child, 'close');
  t.deepEqual((await state.sweep()).swept, [container?.id ?? '']);
  assertNothingLeft(t, runFolder);
});

each('the runtime killed: the next sweep ends the app and leaves nothing', async (t, runtime) => {
  const { child, state, runFolder } = start(t, runtime, 'sleep 1000 & echo ready; sleep 1000');
  t.is(await firstLine(child), 'ready');
  const { id, pid } = await theContainer(state);
  t.deepEqual((await state.sweep()).swept, [], 'a running container is left alone');
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.true(existsSync(`/proc/${pid}`), 'the app outlives its runtime');
  t.deepEqual(state.list(), []);
  t.deepEqual((await state.sweep()).swept, [id]);
  t.false(existsSync(`/proc/${pid}/exe`));
  assertNothingLeft(t, runFolder, [id]);
});

each('the app’s first process killed: the exit code says so, and nothing is left', async (t, runtime) => {
  const { child, state, runFolder } = start(t, runtime, 'sleep 1000 & echo ready; sleep 1000');
  t.is(await firstLine(child), 'ready');
  const { id, pid } = await theContainer(state);
  process.kill(pid, 'SIGKILL');
  t.deepEqual(await once(child, 'close'), [137, null]);
  assertNothingLeft(t, runFolder, [id]);
});

each('killed at any instant: the next sweep leaves nothing', async (t, runtime) => {
  const folder = temporaryFolder(t);
  const shared = { tree: join(folder, 'tree'), runFolder: join(folder, 'run') };
  makeBusyboxTree(shared.tree);
  const state = new RunState(shared.runFolder);
  // Later and later, to meet every stage of a launch; whether it meets one is up to the machine.
  for (let round = 0; round < 16; round += 1) {
    const { child } = start(t, runtime, 'sleep 1000', shared);
    const ended = once(child, 'exit');
    await delay(100 + round * 20);
    child.kill('SIGKILL');
    t.deepEqual(await ended, [null, 'SIGKILL']);
    const { swept: ids } = await state.sweep();
    t.deepEqual(state.list(), []);
    if (existsSync(shared.runFolder)) assertNothingLeft(t, shared.runFolder, ids);
  }
});

each('sixteen at once do not disturb each other', async (t, runtime) => {
  const folder = temporaryFolder(t);
  const shared = { tree: join(folder, 'tree'), runFolder: join(folder, 'run') };
  makeBusyboxTree(shared.tree);
  const codes = Array.from({ length: 16 }, (_, index) => index + 1);
  const results = await Promise.all(codes.map((code) => run(t, runtime, `exit ${code}`, shared)));
  t.deepEqual(
    results.map(({ code }) => code),
    codes,
  );
  assertNothingLeft(t, shared.runFolder);
});

test('runc: on a host with the unified hierarchy only', async (t) => {
  if (!needsRoot(t) || !needsTool(t, 'runc') || !needsTool(t, 'busybox')) return;
  if (readControlGroups().mode === 'v2') {
    t.pass('every other test runs there');
    return;
  }
  const host = 'umount -R /sys/fs/cgroup && mount -t cgroup2 img /sys/fs/cgroup && exec "$0" "$@"';
  const wrapper = ['unshare', '-m', 'sh', '-c', host];
  const folder = temporaryFolder(t);
  const shared = { tree: join(folder, 'tree'), runFolder: join(folder, 'run'), wrapper };
  makeBusyboxTree(shared.tree);
  const { child, state } = start(t, 'runc', 'echo ready; sleep 1000', shared);
  t.is(await firstLine(child), 'ready');
  const { id, pid } = await theContainer(state);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const { code, stderr } = await run(t, 'runc', 'exit 9', shared);
  t.is(code, 9, stderr);
  t.false(existsSync(`/proc/${pid}/exe`));
  assertNothingLeft(t, shared.runFolder, [id]);
});

test('crun: nothing is left in the hierarchy that is hidden from it', async (t) => {
  if (!needsRoot(t) || !needsTool(t, 'crun') || !needsTool(t, 'busybox')) return;
  const { code } = await run(t, 'crun', 'true');
  t.is(code, 0);
  if (readControlGroups().mode !== 'hybrid') return;
  const hidden = 'umount /sys/fs/cgroup/unified && find /sys/fs/cgroup/unified -mindepth 1';
  t.is(execFileSync('unshare', ['-m', 'sh', '-c', hidden], { encoding: 'utf8' }), '');
});
