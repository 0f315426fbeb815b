import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, needsRoot, needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test, { type ExecutionContext } from 'ava';
import { execInContainer } from '../containers/exec-in-container.ts';
import { listProcesses } from '../containers/list-processes.ts';
import { signalContainer } from '../containers/signal-container.ts';
import { stopContainer } from '../containers/stop-container.ts';
import { readControlGroups } from '../state/control-groups.ts';
import { makeBusyboxTree, type TreeFile } from '../testing/busybox-tree.ts';
import { assertNothingLeft, firstLine, run, start, theContainer } from '../testing/launch-harness.ts';

function nspawnTest(title: string, body: (t: ExecutionContext) => Promise<void>): void {
  test(`nspawn: ${title}`, async (t) => {
    if (needsRoot(t) && needsTool(t, 'systemd-nspawn') && needsTool(t, 'busybox')) await body(t);
  });
}

nspawnTest('nspawn killed: the app ends, too, and nothing is left', async (t) => {
  const { child, state, runFolder } = start(t, 'nspawn', 'sleep 1000 & echo ready; sleep 1000');
  t.is(await firstLine(child), 'ready');
  const { id, pid } = await theContainer(state);
  t.deepEqual((await state.sweep()).swept, [], 'a running container is left alone');
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.deepEqual(state.list(), []);
  await state.sweep();
  t.false(existsSync(`/proc/${pid}/exe`));
  assertNothingLeft(t, runFolder, [id]);
});

nspawnTest('img killed in the middle of a launch: the next sweep leaves nothing', async (t) => {
  const { child, state, runFolder } = start(t, 'nspawn', 'true', { stopsInLaunch: true });
  t.is(await firstLine(child), 'mounting');
  const [container] = state.list();
  child.kill('SIGKILL');
  await once(child, 'close');
  t.deepEqual((await state.sweep()).swept, [container?.id ?? '']);
  assertNothingLeft(t, runFolder);
});

nspawnTest('any signal can be sent to the app, and it is stopped with that of its image', async (t) => {
  const script =
    'trap "echo one" USR1; trap "echo bye; exit 5" WINCH; echo ready; while :; do sleep 0.1; done';
  const image = { config: { stopSignal: 'SIGWINCH' } };
  const { child, state, runFolder } = start(t, 'nspawn', script, { image });
  t.is(await firstLine(child), 'ready');
  const container = await theContainer(state);
  t.deepEqual(
    listProcesses(container).map(({ pidInside }) => pidInside)[0],
    1,
    'nspawn itself is none of its processes',
  );
  await signalContainer(state, container, 10);
  t.is(await firstLine(child), 'one');
  const ended = once(child, 'exit');
  t.true(await stopContainer(state, container, { timeoutMs: 600_000 }));
  t.deepEqual(await ended, [5, null]);
  await state.sweep();
  assertNothingLeft(t, runFolder, [container.id]);
});

nspawnTest('no command can be started beside the app, and it says why', async (t) => {
  const { child, state } = start(t, 'nspawn', 'echo ready; sleep 1000');
  t.is(await firstLine(child), 'ready');
  const container = await theContainer(state);
  t.throws(() => execInContainer(state, container, { command: ['true'] }), {
    code: 'RUNTIME_LACKS',
    message: `container ${container.id} runs by nspawn, which starts no command in a container`,
  });
});

// Node makes sockets for the standard streams of what it starts, into which nobody else can write.
const wrongIntoSocket = 'PATH=$0:$PATH exec "$@"';
const wrongIntoPipe = '{ PATH=$0:$PATH "$@" 2>&1 1>&3 | cat >&2; } 3>&1';

for (const [mistake, script, setting, word, said] of [
  ['new privileges', wrongIntoSocket, '', '--no-new-privileges=no', /it could gain privileges/],
  [
    'its filter, beside which there is that of img',
    wrongIntoPipe,
    'SYSTEMD_SECCOMP=0',
    '',
    /it could make every system call/,
  ],
] as const) {
  nspawnTest(`an app is ended if nspawn forgets ${mistake}`, async (t) => {
    const folder = temporaryFolder(t);
    const program = `#!/bin/sh\n${setting} exec ${findProgram('systemd-nspawn')} "$@" ${word}\n`;
    writeFileSync(join(folder, 'systemd-nspawn'), program, { mode: 0o755 });
    const { stderr, runFolder } = await run(t, 'nspawn', '', {
      wrapper: ['sh', '-c', script, folder],
      image: { config: { cmd: ['sleep', '1000'] } },
    });
    t.regex(stderr, /^img: the app was ended, because it was not confined as asked: /m);
    t.regex(stderr, said);
    t.notRegex(stderr, /cannot create/);
    assertNothingLeft(t, runFolder);
  });
}

nspawnTest('an app that is named like it is no mismatch before it has begun', async (t) => {
  const { code, stderr } = await run(t, 'nspawn', '', {
    prepare: (tree) =>
      writeFileSync(join(tree, 'bin/systemd-nspawn'), '#!/bin/sh\nsleep 1\nexit 3\n', { mode: 0o755 }),
    image: { config: { cmd: ['/bin/systemd-nspawn'] } },
  });
  t.is(code, 3, stderr);
});

nspawnTest('on a host with the unified hierarchy only', async (t) => {
  if (readControlGroups().mode === 'v2') {
    t.pass('every other test runs there');
    return;
  }
  const host = 'umount -R /sys/fs/cgroup && mount -t cgroup2 img /sys/fs/cgroup && exec "$0" "$@"';
  const wrapper = ['unshare', '-m', 'sh', '-c', host];
  const { code, stderr, lines } = await run(t, 'nspawn', 'ls /sys/fs/cgroup/cgroup.procs; exit 9', {
    wrapper,
  });
  t.is(code, 9, stderr);
  t.deepEqual(lines, ['/sys/fs/cgroup/cgroup.procs']);
});

const hostFolder = '/run/img-test-no-such-folder';
const hostile: readonly (readonly [
  files: { readonly [path: string]: TreeFile },
  said: RegExp,
  reason: string,
])[] = [
  [
    { 'run/host': { link: '/etc' }, 'etc/x': '' },
    /the folder "\/run\/host", which leads to "\/etc"/,
    'it writes there',
  ],
  [{ 'run/systemd': '' }, /the folder "\/run\/systemd", which is no folder/, 'nothing can be mounted there'],
  [
    { dev: { link: hostFolder }, [`${hostFolder.slice(1)}/x`]: '' },
    /the folder "\/dev", which leads to/,
    'it would make devices in a folder of the host',
  ],
  [
    { sys: { link: '/bin' } },
    /the folder "\/sys", which leads to "\/bin"/,
    'files of the host would be hidden',
  ],
  [
    { 'etc/machine-id': { link: hostFolder } },
    /the file "\/etc\/machine-id", which leads to/,
    'it would tell the app what a file of the host says',
  ],
  [
    { 'etc/machine-id/x': '' },
    /the file "\/etc\/machine-id", which is no file/,
    'nor does it read folders or pipes',
  ],
];

for (const [files, said, reason] of hostile) {
  nspawnTest(`an image whose ${Object.keys(files)[0]} leads it astray is refused: ${reason}`, async (t) => {
    const { code, stderr, runFolder } = await run(t, 'nspawn', 'true', { files });
    t.is(code, 70);
    t.regex(stderr, /^RuntimeError RUNTIME_LACKS: nspawn needs /);
    t.regex(stderr, said);
    assertNothingLeft(t, runFolder);
  });
}

nspawnTest('what it needs of its own runs no programs', async (t) => {
  const script = 'for d in host systemd; do grep " /run/$d " /proc/self/mountinfo; done';
  const { lines, stderr } = await run(t, 'nspawn', script, { options: { profile: 'strict' } });
  t.is(lines.length, 2, stderr);
  for (const line of lines) t.regex(line, / \/run\/\w+ r[ow],nosuid,nodev,noexec,/);
});

nspawnTest('what it can not do is refused before anything is there', async (t) => {
  const tree = join(temporaryFolder(t), 'tree');
  makeBusyboxTree(tree);
  const { code, stderr, runFolder } = await run(t, 'nspawn', 'true', {
    tree,
    options: { network: 'bridge', env: ['A.B=c'] },
  });
  t.is(code, 70);
  t.regex(stderr, /^RuntimeError RUNTIME_LACKS: nspawn can't do what was asked: --net bridge/);
  if (existsSync(runFolder)) assertNothingLeft(t, runFolder);
  const other = await run(t, 'nspawn', 'true', { tree, options: { env: ['A.B=c'] } });
  t.regex(other.stderr, /^RuntimeError RUNTIME_LACKS: nspawn can't give an app the variable "A\.B"/);
  assertNothingLeft(t, other.runFolder);
});

nspawnTest('the app sees nothing of the system of the host, and has the mounts of its image', async (t) => {
  const { lines, stderr } = await run(
    t,
    'nspawn',
    'cat /run/host/os-release; ls /dev/net 2>&1; ls /run; cat /data/seen; id -u',
    {
      image: { config: { volumes: ['/data'], user: '1234567' } },
      files: { 'data/seen': 'kept\n', 'run/of-image/x': '' },
    },
  );
  t.deepEqual(lines, ['host', 'of-image', 'systemd', 'kept', '1234567'], stderr);
});
