import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { needsRoot } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { digestOf } from '@img/spec/digest';
import test, { type ExecutionContext } from 'ava';
import { type ContainerRecord, encodeContainerRecord, parseContainerRecord } from './container-record.ts';
import { killControlGroup, readControlGroups } from './control-groups.ts';
import { identifyProcess, isRunning, type ProcessIdentity, readBootId } from './process-identity.ts';
import { RunState } from './run-state.ts';

const self = identifyProcess(process.pid) as ProcessIdentity;

function record(id: string, supervisor: ProcessIdentity = self): ContainerRecord {
  return {
    id,
    reference: '127.0.0.1:5000/com.example.app:1.0',
    digest: digestOf(new Uint8Array()),
    signers: ['Alice'],
    profile: 'app',
    insecure: [],
    runtime: 'crun',
    stopSignal: 15,
    supervisor,
    started: '2026-01-01T00:00:00.000Z',
  };
}

const id = '0123456789abcdef';

async function endedProcess(): Promise<ProcessIdentity> {
  const child = spawn('sleep', ['1000']);
  await once(child, 'spawn');
  const identity = identifyProcess(child.pid ?? 0) as ProcessIdentity;
  child.kill('SIGKILL');
  await once(child, 'exit');
  return identity;
}

function newState(t: ExecutionContext) {
  const folder = join(temporaryFolder(t), 'run');
  return { folder, state: new RunState(folder) };
}

test('isRunning() knows a process from another one with its number', async (t) => {
  t.true(isRunning(self));
  t.false(isRunning({ ...self, startTicks: self.startTicks + 1 }), 'the number was given again');
  t.false(isRunning({ ...self, bootId: 'another boot' }), 'the host was started again');
  t.false(isRunning(await endedProcess()));
  t.true(isRunning({ ...self, pid: 2 ** 30, pidNamespace: 'pid:[1]' }), 'nobody here can know');
  t.is(identifyProcess(2 ** 30), undefined);
});

test('identifyProcess() reads the start time of a process with any name', async (t) => {
  const child = spawn('bash', ['-c', 'exec -a ") Z 1 2 (" sleep 1000']);
  await once(child, 'spawn');
  t.teardown(() => child.kill('SIGKILL'));
  const identity = identifyProcess(child.pid ?? 0);
  t.true(identity !== undefined && identity.startTicks >= self.startTicks);
  t.is(identity?.bootId, readBootId());
});

test('list() gives the containers whose process runs, oldest first', async (t) => {
  const { state } = newState(t);
  t.deepEqual(state.list(), [], 'before the first container there is no folder');
  state.add(record('1111111111111111'));
  state.add(record('0000000000000000', { ...self, startTicks: self.startTicks + 1 }));
  state.add(record('2222222222222222', await endedProcess()));
  writeFileSync(state.pidFile('1111111111111111'), '4711');
  t.deepEqual(state.list(), [{ ...record('1111111111111111'), pid: 4711 }]);
});

test('remove() forgets a container', (t) => {
  const { state, folder } = newState(t);
  state.add(record(id));
  state.remove(id);
  state.remove(id);
  t.deepEqual(state.list(), []);
  t.deepEqual(readdirSync(join(folder, 'containers')), []);
});

test('sweep() of a folder that does not exist does nothing', async (t) => {
  const { state, folder } = newState(t);
  t.deepEqual((await state.sweep()).swept, []);
  t.false(existsSync(folder));
});

for (const [name, change] of [
  ['that has ended', {}],
  ['whose number another one has', { ...self, startTicks: self.startTicks - 1 }],
  ['of another boot', { ...self, bootId: 'another boot' }],
] as const) {
  test(`sweep() removes what a process ${name} left`, async (t) => {
    const { state, folder } = newState(t);
    state.add(record(id, { ...(await endedProcess()), ...change }));
    mkdirSync(join(state.runtimeRoot('crun'), id));
    writeFileSync(join(state.runtimeRoot('crun'), id, 'status'), '{}');
    t.deepEqual((await state.sweep()).swept, [id]);
    t.deepEqual(readdirSync(folder, { recursive: true }).toSorted(), [
      'bundle',
      'containers',
      'runtimes',
      'runtimes/crun',
      'runtimes/nspawn',
      'runtimes/runc',
    ]);
  });
}

test('sweep() leaves a running container and what is none of ours alone', async (t) => {
  const { state, folder } = newState(t);
  state.add(record(id));
  mkdirSync(join(state.runtimeRoot('crun'), id));
  mkdirSync(join(state.runtimeRoot('crun'), '.cache'));
  writeFileSync(join(folder, 'containers', 'README'), '');
  t.deepEqual((await state.sweep()).swept, []);
  t.is(state.list().length, 1);
  t.true(existsSync(join(state.runtimeRoot('crun'), '.cache')));
});

test('sweep() leaves its state to a runtime that has removed the record, unless that was killed', async (t) => {
  const { state } = newState(t);
  state.add(record(id));
  state.remove(id);
  const folder = join(state.runtimeRoot('crun'), id);
  mkdirSync(folder);
  const runtime = spawn('sh', ['-c', 'echo ready; read line', 'crun', id]);
  await once(runtime.stdout, 'data');
  t.deepEqual((await state.sweep()).swept, []);
  t.true(existsSync(folder));
  runtime.kill('SIGKILL');
  await once(runtime, 'exit');
  t.deepEqual((await state.sweep()).swept, [id]);
  t.false(existsSync(folder));
});

test('sweep() removes a record that a killed launch did not finish, and leaves one that is being written', async (t) => {
  const { state, folder } = newState(t);
  state.add(record(id));
  const dead = await endedProcess();
  for (const { pid, startTicks } of [dead, self]) {
    mkdirSync(join(folder, 'containers', `.new-${pid}-${startTicks}-2222222222222222`));
  }
  await state.sweep();
  t.deepEqual(readdirSync(join(folder, 'containers')).toSorted(), [
    `.new-${self.pid}-${self.startTicks}-2222222222222222`,
    id,
  ]);
});

test('a record that cannot be read ends no container, and is named', async (t) => {
  const { state, folder } = newState(t);
  state.add(record(id));
  const path = join(folder, 'containers', id, 'record.json');
  writeFileSync(path, '{"format": "of the future"}');
  t.deepEqual((await state.sweep()).swept, []);
  const error = t.throws(() => state.list(), { code: 'STATE_INVALID' });
  t.true(error.message.includes(path));
});

test('a record survives writing and reading', (t) => {
  const bytes = new TextEncoder().encode(encodeContainerRecord(record(id)));
  t.deepEqual(parseContainerRecord(bytes, 'x'), record(id));
});

for (const [name, change] of [
  ['an id that is a path', { id: '../../../etc' }],
  ['an unknown runtime', { runtime: 'rm' }],
  ['no signal', { stopSignal: 0 }],
  ['a process 0', { supervisor: { ...self, pid: 0 } }],
  ['no digest', { digest: 'sha256:0' }],
] as const) {
  test(`parseContainerRecord() refuses ${name}`, (t) => {
    const bytes = new TextEncoder().encode(JSON.stringify({ ...record(id), ...change }));
    t.throws(() => parseContainerRecord(bytes, '/run/x'), { code: 'STATE_INVALID', message: /"\/run\/x"/ });
  });
}

test('killControlGroup() ends every process of the group and of groups inside, and no other', async (t) => {
  if (!needsRoot(t)) return;
  const { roots, mode } = readControlGroups();
  t.not(mode, 'none');
  const root = roots.find((path) => path.endsWith('/freezer') || path.endsWith('/unified')) ?? roots[0] ?? '';
  const name = `img-test-${process.pid}`;
  mkdirSync(join(root, name, 'inner'), { recursive: true });
  const inside = [join(root, name), join(root, name, 'inner')];
  const children = inside.map((group) =>
    spawn('sh', [
      '-c',
      `echo $$ > ${group}/cgroup.procs; trap "" TERM; echo ready; sleep 1000 & wait; sleep 1000`,
    ]),
  );
  const other = spawn('sleep', ['1000']);
  t.teardown(() => other.kill('SIGKILL'));
  await Promise.all(children.map((child) => once(child.stdout, 'data')));
  const exits = children.map((child) => once(child, 'exit'));
  await killControlGroup({ roots }, name);
  for (const exit of exits) t.deepEqual(await exit, [null, 'SIGKILL']);
  t.false(existsSync(join(root, name)));
  t.is(other.exitCode, null);
  await killControlGroup({ roots }, name);
});

test('poststop() removes the record, and reads all that a runtime tells it', (t) => {
  const folder = temporaryFolder(t);
  const state = new RunState(folder);
  state.add(record(id));
  const [{ path, args } = t.fail()] = state.poststop(id, { sh: '/bin/sh', rm: '/bin/rm' });
  // More than a pipe holds: whoever doesn't read it breaks it.
  const input = Buffer.alloc(1_000_000, '{"ociVersion":"1.0.2"}');
  const { status, error, stderr } = spawnSync(path, args?.slice(1), { input, encoding: 'utf8' });
  t.deepEqual([status, error, stderr], [0, undefined, '']);
  t.deepEqual(readdirSync(join(folder, 'containers')), []);
});

test('sweep() keeps a detached container of this boot whose monitor was killed, and gives it an exit code', async (t) => {
  const { state } = newState(t);
  const supervisor = await endedProcess();
  for (const [name, detached, exit, bootId] of [
    ['0000000000000001', 'kept', '', supervisor.bootId],
    ['0000000000000002', 'kept', '\n', supervisor.bootId],
    ['0000000000000003', 'kept', '7\n', supervisor.bootId],
    ['0000000000000004', 'removed', '7\n', supervisor.bootId],
    ['0000000000000005', 'kept', '7\n', 'another boot'],
  ] as const) {
    state.add({ ...record(name, { ...supervisor, bootId }), detached });
    writeFileSync(state.exitFile(name), exit);
    writeFileSync(state.pidFile(name), '4711');
  }
  await state.sweep();
  t.deepEqual(
    state.listEnded().map(({ id: ended, exitCode }) => [ended, exitCode]),
    [
      ['0000000000000001', 137],
      ['0000000000000002', 137],
      ['0000000000000003', 7],
    ],
  );
  t.deepEqual((await state.sweep()).swept, [], 'nothing is left to do');
});

test('sweep() ends what was made and never started, once nobody is left who would start it', async (t) => {
  const { state } = newState(t);
  const monitor = spawn('sleep', ['1000']);
  t.teardown(() => monitor.kill('SIGKILL'));
  await once(monitor, 'spawn');
  const supervisor = identifyProcess(monitor.pid ?? 0) as ProcessIdentity;
  const detached = { ...record(id), detached: 'kept' } as const;
  state.add(detached);
  state.handOver(detached, supervisor);
  mkdirSync(join(state.runtimeRoot('crun'), id));
  writeFileSync(join(state.runtimeRoot('crun'), id, 'exec.fifo'), '');
  t.deepEqual((await state.sweep()).swept, [], 'this process is about to start it');
  state.handOver({ ...detached, supervisor: await endedProcess() }, supervisor);
  const exited = once(monitor, 'exit');
  t.deepEqual((await state.sweep()).swept, [id]);
  t.deepEqual(await exited, [null, 'SIGKILL']);
  t.deepEqual([state.list(), state.listEnded()], [[], []]);
});

test('sweep() ends a runtime that makes what nobody will start', async (t) => {
  const { state } = newState(t);
  // Another one than in other tests, whose processes run at the same time.
  const made = '00000000000000ff';
  const [monitor, runtime, other] = [
    spawn('sleep', ['1000']),
    spawn('sh', ['-c', 'read -r line', 'create', '--root', state.runtimeRoot('runc'), made]),
    spawn('sh', ['-c', 'read -r line', 'logs', made]),
  ];
  for (const child of [monitor, runtime, other]) t.teardown(() => child.kill('SIGKILL'));
  await Promise.all([monitor, runtime, other].map((child) => once(child, 'spawn')));
  const detached = { ...record(made, await endedProcess()), detached: 'kept' } as const;
  state.add(detached);
  state.handOver(detached, identifyProcess(monitor.pid ?? 0) as ProcessIdentity);
  const exited = Promise.all([once(monitor, 'exit'), once(runtime, 'exit')]);
  t.deepEqual((await state.sweep()).swept, [made]);
  t.deepEqual(await exited, [
    [null, 'SIGKILL'],
    [null, 'SIGKILL'],
  ]);
  t.is(other.exitCode ?? other.signalCode, null, 'somebody else who names the container');
  t.deepEqual([state.list(), state.listEnded()], [[], []]);
});

test('readControlGroups() tells the three layouts and none apart', (t) => {
  const folder = temporaryFolder(t);
  t.is(readControlGroups(join(folder, 'absent')).mode, 'none');
  t.is(readControlGroups(folder).mode, 'none');
  for (const name of ['memory', 'pids', 'freezer']) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'cgroup.procs'), '');
  }
  mkdirSync(join(folder, 'cpu,cpuacct'));
  writeFileSync(join(folder, 'cpu,cpuacct', 'cgroup.procs'), '');
  symlinkSync('cpu,cpuacct', join(folder, 'cpu'));
  const v1 = readControlGroups(folder);
  t.is(v1.mode, 'v1');
  t.deepEqual([...v1.controllers].toSorted(), ['cpu', 'memory', 'pids']);
  t.is(v1.roots.length, 4, 'a hierarchy counts once, under whatever names');
  t.not(readControlGroups().mode, 'none', 'this machine has some');
});
