import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { digestOf } from '@img/spec/digest';
import test, { type ExecutionContext } from 'ava';
import type { RunOptions } from '../config/run-options.ts';
import { image } from '../config/testing.ts';
import type { RuntimeName } from '../state/container-record.ts';
import { readControlGroups } from '../state/control-groups.ts';
import { RunState } from '../state/run-state.ts';
import { makeBusyboxTree, type TreeFile } from '../testing/busybox-tree.ts';
import type { LaunchTreeRequest } from '../testing/launch-tree.ts';
import { needsRoot, needsTool } from '../testing/needs.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';

const script = fileURLToPath(new URL('../testing/launch-tree.ts', import.meta.url));

type Case = {
  readonly options?: RunOptions;
  readonly image?: Parameters<typeof image>[0];
  readonly files?: { readonly [path: string]: TreeFile };
  readonly stopsInLaunch?: boolean;
  readonly prepare?: (tree: string) => void;
  readonly tree?: string;
  readonly runFolder?: string;
};

/** Starts a shell script in a container; `undefined` if this machine can't. */
function start(t: ExecutionContext, runtime: RuntimeName, command: string, options: Case = {}) {
  const folder = temporaryFolder(t);
  const tree = options.tree ?? join(folder, 'tree');
  if (options.tree === undefined) {
    makeBusyboxTree(tree, options.files);
    options.prepare?.(tree);
  }
  const runFolder = options.runFolder ?? join(folder, 'run');
  const request: LaunchTreeRequest = {
    runFolder,
    tree,
    image: image({ ...options.image, config: { cmd: ['/bin/sh', '-c', command], ...options.image?.config } }),
    options: options.options ?? {},
    runtime,
    receipt: {
      reference: 'test/app:1',
      digest: digestOf(new Uint8Array()),
      signers: ['Alice'],
      insecure: [],
    },
    stopsInLaunch: options.stopsInLaunch ?? false,
  };
  const child = spawn(process.execPath, [script, JSON.stringify(request)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  return { child, state: new RunState(runFolder), runFolder, tree };
}

async function run(t: ExecutionContext, runtime: RuntimeName, command: string, options: Case = {}) {
  const { child, ...rest } = start(t, runtime, command, options);
  child.stdin.end();
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null, string | null]>,
  ]);
  return { stdout, stderr, code, signal, lines: stdout.trimEnd().split('\n'), ...rest };
}

async function firstLine(child: ChildProcess): Promise<string> {
  const [chunk] = (await once(child.stdout ?? child, 'data')) as [Buffer];
  return chunk.toString().trim();
}

/** Nothing of a container is left: no record, runtime state, control group, process, or mount. */
function assertNothingLeft(t: ExecutionContext, runFolder: string, ids: readonly string[] = []): void {
  const files = readdirSync(runFolder, { recursive: true }) as string[];
  t.deepEqual(files.toSorted(), ['bundle', 'containers', 'runtimes', 'runtimes/crun', 'runtimes/runc']);
  t.false(readFileSync('/proc/self/mountinfo', 'utf8').includes(runFolder));
  for (const root of readControlGroups().roots) {
    for (const id of ids) t.false(existsSync(join(root, `img-${id}`)), `control group in ${root}`);
  }
}

const runtimes: readonly RuntimeName[] = ['crun', 'runc'];

function each(title: string, body: (t: ExecutionContext, runtime: RuntimeName) => Promise<void>): void {
  for (const runtime of runtimes) {
    test(`${runtime}: ${title}`, async (t) => {
      if (needsRoot(t) && needsTool(t, runtime) && needsTool(t, 'busybox')) await body(t, runtime);
    });
  }
}

each('the exit code is the app’s, and nothing is left', async (t, runtime) => {
  const { code, stderr, runFolder } = await run(t, runtime, 'exit 7');
  t.is(code, 7, stderr);
  assertNothingLeft(t, runFolder);
});

each('a signal reaches the app, whose answer is the exit code', async (t, runtime) => {
  const { child, state, runFolder } = start(
    t,
    runtime,
    'trap "exit 42" TERM; echo ready; while :; do sleep 1; done',
  );
  t.is(await firstLine(child), 'ready');
  const [container] = state.list();
  t.is(container?.supervisor.pid, child.pid, 'the runtime has taken the place of img');
  t.like(container, { reference: 'test/app:1', signers: ['Alice'], runtime, stopSignal: 15 });
  t.is(readFileSync(`/proc/${container?.pid}/comm`, 'utf8').trim(), 'sh');
  child.kill('SIGTERM');
  t.deepEqual(await once(child, 'close'), [42, null]);
  assertNothingLeft(t, runFolder, [container?.id ?? '']);
});

each(
  'the app has no new privileges, the filter, few capabilities and default signals',
  async (t, runtime) => {
    const { stdout } = await run(t, runtime, '', {
      image: { config: { cmd: ['cat', '/proc/self/status'] } },
    });
    const status = new Map(stdout.split('\n').map((line) => line.split(':\t') as [string, string]));
    t.is(status.get('NoNewPrivs'), '1');
    t.is(status.get('Seccomp'), '2');
    t.is(status.get('CapBnd'), '00000000800405fb');
    t.is(status.get('CapEff'), '00000000800405fb');
    t.is(status.get('CapInh'), '0000000000000000');
    t.is(status.get('CapAmb'), '0000000000000000');
    t.is(status.get('SigIgn'), '0000000000000000', 'whatever Node or the caller ignores');
    t.is(status.get('SigBlk'), '0000000000000000');
  },
);

each('a user that is not root has no capability at all, and may serve port 80', async (t, runtime) => {
  const { stdout, code } = await run(
    t,
    runtime,
    'id; grep Cap /proc/self/status; nc -l -p 80 -e true & sleep 0; nc -w 1 127.0.0.1 80 </dev/null; echo',
    {
      image: { config: { user: 'app' } },
      files: { 'etc/passwd': 'app:x:1000:1001::/home/app:\n', 'etc/group': 'app:x:1001:\nvideo:x:44:app\n' },
    },
  );
  t.is(code, 0);
  t.regex(stdout, /^uid=1000\(app\) gid=1001\(app\) groups=44\(video\)/);
  t.is(stdout.match(/Cap\w+:\t0000000000000000/g)?.length, 5);
  t.notRegex(stdout, /Permission denied/);
});

each('an image with nothing but one program runs', async (t, runtime) => {
  const { lines, code, stderr } = await run(t, runtime, 'pwd; ls /; cat /etc/hosts /etc/hostname', {
    image: { config: { workingDir: '/not/there' } },
    options: { hostname: 'web' },
  });
  t.is(code, 0, stderr);
  t.deepEqual(lines, [
    '/not/there',
    ...['bin', 'dev', 'etc', 'not', 'proc', 'run', 'sys', 'tmp', 'var'],
    '127.0.0.1 localhost web',
    '::1 localhost ip6-localhost ip6-loopback web',
    'web',
  ]);
});

each('the tree is read-only, only the usual folders can be written', async (t, runtime) => {
  const { stdout, tree } = await run(
    t,
    runtime,
    'for d in / /bin /etc /var /usr/share /tmp /run /var/tmp /dev/shm; do touch $d/x 2>/dev/null && echo $d; done; stat -c "%a %n" /tmp /var/tmp /run /usr/share; cat /usr/share/file',
    {
      files: { 'usr/share/file': 'content' },
      prepare: (folder) => chmodSync(join(folder, 'usr/share'), 0o2750),
    },
  );
  t.is(
    stdout,
    '/tmp\n/run\n/var/tmp\n/dev/shm\n1777 /tmp\n1777 /var/tmp\n755 /run\n2750 /usr/share\ncontent',
  );
  t.deepEqual(readdirSync(tree).toSorted(), ['bin', 'usr'], 'the tree itself is untouched');
});

each('the folders that the tree shares with generated files keep their attributes', async (t, runtime) => {
  const { lines } = await run(t, runtime, 'stat -c "%a %u %g %Y %n" / /etc; readlink /etc/resolv.conf', {
    files: { 'etc/hosts': 'of the image', 'etc/resolv.conf': { link: '/run/systemd/resolv.conf' } },
    prepare: (folder) => {
      chmodSync(join(folder, 'etc'), 0o711);
      execFileSync('chown', ['12:34', join(folder, 'etc')]);
      execFileSync('touch', ['-d', '@86400', join(folder, 'etc'), folder]);
    },
  });
  t.regex(lines[0] ?? '', /^7\d\d 0 0 86400 \/$/);
  t.deepEqual(lines.slice(1), ['711 12 34 86400 /etc', '/run/systemd/resolv.conf']);
});

each('folders that the app may write begin with what the image has in them', async (t, runtime) => {
  const { lines, tree } = await run(
    t,
    runtime,
    'cat /run/app/pid /data/seed; stat -c "%a %u" /data /empty; echo new > /data/seed; cat /data/seed; touch /empty/x && echo written',
    {
      image: { config: { volumes: ['/data', '/empty'] } },
      files: { 'run/app/pid': '1\n', 'data/seed': 'old\n' },
      prepare: (folder) => {
        chmodSync(join(folder, 'data'), 0o750);
        execFileSync('chown', ['7', join(folder, 'data')]);
        mkdirSync(join(folder, 'empty'));
        chmodSync(join(folder, 'empty'), 0o700);
        execFileSync('chown', ['8', join(folder, 'empty')]);
      },
    },
  );
  t.deepEqual(lines, ['1', 'old', '750 7', '700 8', 'new', 'written']);
  t.is(readFileSync(join(tree, 'data/seed'), 'utf8'), 'old\n');
});

each('mounts of the caller follow links of the image, but not out of it', async (t, runtime) => {
  const host = temporaryFolder(t);
  writeFileSync(join(host, 'file'), 'from the host\n');
  const { lines, stderr } = await run(
    t,
    runtime,
    'cat /run/a/file /out/file /etc/one; touch /var/run/a/no 2>/dev/null || echo read-only; touch /out/yes',
    {
      files: { 'var/run': { link: '../run' }, out: { link: '../../../../target' }, 'target/x': '' },
      options: {
        mounts: [
          { kind: 'bind', source: host, destination: '/var/run/a', readOnly: true },
          { kind: 'bind', source: host, destination: '/out', readOnly: false },
          { kind: 'bind', source: join(host, 'file'), destination: '/etc/one', readOnly: true },
        ],
      },
    },
  );
  t.deepEqual(lines, ['from the host', 'from the host', 'from the host', 'read-only'], stderr);
  t.true(existsSync(join(host, 'yes')));
});

each('the whole tree can be made writable, for as long as the container runs', async (t, runtime) => {
  const { stdout, tree } = await run(t, runtime, 'echo x > /bin/new && cat /bin/new; stat -c "%a" /', {
    options: { isWritable: true },
    prepare: (folder) => chmodSync(folder, 0o751),
  });
  t.is(stdout, 'x\n751\n');
  t.false(existsSync(join(tree, 'bin/new')));
});

each('without a network there is the loopback only, with the host’s it is the host’s', async (t, runtime) => {
  const none = await run(t, runtime, 'readlink /proc/self/ns/net; ip -o link | wc -l; cat /etc/hosts');
  t.not(none.lines[0], execFileSync('readlink', ['/proc/self/ns/net'], { encoding: 'utf8' }).trim());
  t.is(none.lines[1], '1');
  const host = await run(t, runtime, 'readlink /proc/self/ns/net; cat /etc/hosts', {
    options: { network: 'host' },
  });
  t.is(host.lines[0], execFileSync('readlink', ['/proc/self/ns/net'], { encoding: 'utf8' }).trim());
  t.true(host.stdout.includes(readFileSync('/etc/hosts', 'utf8')));
});

each('limits are set on the control group, and gone with it', async (t, runtime) => {
  const { child, state, runFolder } = start(t, runtime, 'echo ready; cat >/dev/null', {
    options: { memoryBytes: 64 * 1024 * 1024, pids: 33, isInteractive: true },
  });
  t.is(await firstLine(child), 'ready');
  const { id = '' } = state.list()[0] ?? {};
  const limits = readControlGroups().roots.flatMap((root) =>
    ['memory.limit_in_bytes', 'memory.max', 'pids.max']
      .map((name) => join(root, `img-${id}`, name))
      .filter((path) => existsSync(path))
      .map((path) => readFileSync(path, 'utf8').trim()),
  );
  t.true(limits.includes('67108864') && limits.includes('33'), limits.join());
  child.stdin?.end();
  t.deepEqual(
    await once(child, 'close'),
    [0, null],
    'an interactive app reads the caller’s input to its end',
  );
  assertNothingLeft(t, runFolder, [id]);
});

each('an app that is not interactive reads nothing', async (t, runtime) => {
  const { child } = start(t, runtime, 'cat; echo end');
  t.is(await firstLine(child), 'end');
  await once(child, 'close');
});

each('a label of the image gives the runtime no orders', async (t, runtime) => {
  const target = join(temporaryFolder(t), 'written-by-the-runtime');
  const { stdout } = await run(t, runtime, 'grep Seccomp: /proc/self/status', {
    image: {
      config: {
        labels: {
          'run.oci.hooks.stdout': target,
          'run.oci.seccomp_bpf_data': Buffer.alloc(8).toString('base64'),
        },
      },
    },
  });
  t.is(stdout.trim(), 'Seccomp:\t2');
  t.false(existsSync(target));
});

for (const [name, options, code, message] of [
  [
    'an unknown program',
    { image: { config: { cmd: ['no-such'] } } },
    'COMMAND_NOT_FOUND',
    /has no program "no-such"/,
  ],
  [
    'a program that is a folder',
    { image: { config: { cmd: ['/bin'] } } },
    'COMMAND_NOT_FOUND',
    /is no program/,
  ],
  ['an unknown user', { options: { user: 'bob' } }, 'USER_UNKNOWN', /user "bob"/],
  [
    'a working folder that is a file',
    { image: { config: { workingDir: '/bin/sh' } } },
    'WORKING_DIR_INVALID',
    /no folder/,
  ],
  [
    'a working folder that is a link to the kernel’s',
    { image: { config: { workingDir: '/w' } }, files: { w: { link: 'proc/self/fd/7' } } },
    'WORKING_DIR_INVALID',
    /"\/proc\/self\/fd\/7"/,
  ],
  [
    'a passwd file that leads nowhere good',
    { files: { 'etc/passwd': { link: '/bin' } }, options: { user: 'app' } },
    'USER_INVALID',
    /no regular file/,
  ],
  [
    'a mount source that does not exist',
    { options: { mounts: [{ kind: 'bind', source: '/no/such', destination: '/x', readOnly: true }] } },
    'MOUNT_INVALID',
    /"\/no\/such" does not exist/,
  ],
  [
    'a folder mounted over a file',
    { options: { mounts: [{ kind: 'bind', source: '/etc', destination: '/bin/sh', readOnly: true }] } },
    'MOUNT_INVALID',
    /is no folder/,
  ],
  [
    'a mount that a link leads to /proc',
    {
      files: { p: { link: 'proc' } },
      options: { mounts: [{ kind: 'bind', source: '/etc', destination: '/p/x', readOnly: true }] },
    },
    'MOUNT_INVALID',
    /leads to "\/proc\/x"/,
  ],
  [
    'links in a circle',
    {
      files: { a: { link: 'b' }, b: { link: 'a' } },
      options: { mounts: [{ kind: 'bind', source: '/etc', destination: '/a', readOnly: true }] },
    },
    'MOUNT_INVALID',
    /more than 40 links/,
  ],
  [
    'an image of another platform',
    { image: { platform: { os: 'linux', architecture: 's390x' } } },
    'PLATFORM_MISMATCH',
    /s390x/,
  ],
  ['a terminal without one', { options: { hasTerminal: true } }, 'TERMINAL_REQUIRED', /terminal/],
] as const satisfies readonly (readonly [string, Case, string, RegExp])[]) {
  test(`launch() refuses ${name} and leaves nothing`, async (t) => {
    if (!needsRoot(t) || !needsTool(t, 'crun') || !needsTool(t, 'busybox')) return;
    const result = await run(t, 'crun', 'echo started', options);
    t.is(result.code, 70);
    t.is(result.stdout, '');
    t.regex(result.stderr, new RegExp(`^RuntimeError ${code}: `));
    t.regex(result.stderr, message);
    if (existsSync(result.runFolder)) assertNothingLeft(t, result.runFolder);
  });
}

each('img killed in the middle of a launch: the next sweep leaves nothing', async (t, runtime) => {
  const { child, state, runFolder } = start(t, runtime, 'true', { stopsInLaunch: true });
  t.is(await firstLine(child), 'mounting');
  const [container] = state.list();
  t.is(container?.pid, undefined);
  t.deepEqual(await state.sweep(), [], 'a launch that is under way is left alone');
  child.kill('SIGKILL');
  await once(child, 'close');
  t.deepEqual(await state.sweep(), [container?.id ?? '']);
  assertNothingLeft(t, runFolder);
});

each('the runtime killed: the next sweep ends the app and leaves nothing', async (t, runtime) => {
  const { child, state, runFolder } = start(t, runtime, 'sleep 1000 & echo ready; sleep 1000');
  t.is(await firstLine(child), 'ready');
  const { id = '', pid = 0 } = state.list()[0] ?? {};
  t.deepEqual(await state.sweep(), [], 'a running container is left alone');
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.true(existsSync(`/proc/${pid}`), 'the app outlives its runtime');
  t.deepEqual(state.list(), []);
  t.deepEqual(await state.sweep(), [id]);
  t.false(existsSync(`/proc/${pid}/exe`));
  assertNothingLeft(t, runFolder, [id]);
});

each('the app’s first process killed: the exit code says so, and nothing is left', async (t, runtime) => {
  const { child, state, runFolder } = start(t, runtime, 'sleep 1000 & echo ready; sleep 1000');
  t.is(await firstLine(child), 'ready');
  const { id = '', pid = 0 } = state.list()[0] ?? {};
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
    await delay(100 + round * 20);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const ids = await state.sweep();
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

each('system calls outside of the list are refused as a program expects it', async (t, runtime) => {
  if (!needsTool(t, 'gcc')) return;
  const folder = temporaryFolder(t);
  makeBusyboxTree(join(folder, 'tree'));
  writeFileSync(join(folder, 'probe.c'), probeSource);
  execFileSync('gcc', ['-static', '-O1', '-o', join(folder, 'tree/bin/probe'), join(folder, 'probe.c')]);
  const { lines, stderr } = await run(t, runtime, 'probe', {
    tree: join(folder, 'tree'),
    runFolder: join(folder, 'run'),
  });
  t.deepEqual(
    lines,
    [
      'getpid 0',
      'mount 1',
      'unshare 1',
      'clone-newuser 38',
      'clone3 38',
      'keyctl 1',
      'bpf 1',
      'perf_event_open 1',
      'io_uring_setup 1',
      'userfaultfd 1',
      'open_by_handle_at 1',
      'unknown 38',
      'personality 0',
      'personality-bug 38',
      'socket-inet 0',
      'socket-unix 0',
      'socket-netlink 0',
      'socket-packet 97',
      'socket-alg 97',
      'socket-vsock 97',
      'socket-alg-high-bit 97',
      'socket-bluetooth 38',
    ],
    stderr,
  );
});

const probeSource = `
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
static void probe(const char *name, long result) {
  printf("%s %d\\n", name, result == -1 ? errno : 0);
}
int main(void) {
  probe("getpid", syscall(SYS_getpid));
  probe("mount", syscall(SYS_mount, "a", "/tmp", "tmpfs", 0, 0));
  probe("unshare", syscall(SYS_unshare, 0x10000000));
  probe("clone-newuser", syscall(SYS_clone, 0x10000000 | 17, 0, 0, 0, 0));
  probe("clone3", syscall(SYS_clone3, 0, 0));
  probe("keyctl", syscall(SYS_keyctl, 0, 0));
  probe("bpf", syscall(SYS_bpf, 0, 0, 0));
  probe("perf_event_open", syscall(SYS_perf_event_open, 0, 0, 0, 0, 0));
  probe("io_uring_setup", syscall(SYS_io_uring_setup, 1, 0));
  probe("userfaultfd", syscall(SYS_userfaultfd, 0));
  probe("open_by_handle_at", syscall(SYS_open_by_handle_at, 0, 0, 0));
  probe("unknown", syscall(1000));
  probe("personality", syscall(SYS_personality, 0xffffffffUL));
  probe("personality-bug", syscall(SYS_personality, 0x0400000UL));
  probe("socket-inet", syscall(SYS_socket, 2, 1, 0));
  probe("socket-unix", syscall(SYS_socket, 1, 1, 0));
  probe("socket-netlink", syscall(SYS_socket, 16, 3, 0));
  probe("socket-packet", syscall(SYS_socket, 17, 3, 0));
  probe("socket-alg", syscall(SYS_socket, 38, 5, 0));
  probe("socket-vsock", syscall(SYS_socket, 40, 1, 0));
  probe("socket-alg-high-bit", syscall(SYS_socket, 0x100000026UL, 5, 0));
  probe("socket-bluetooth", syscall(SYS_socket, 31, 3, 0));
  return 0;
}
`;

test('crun: nothing is left in the hierarchy that is hidden from it', async (t) => {
  if (!needsRoot(t) || !needsTool(t, 'crun') || !needsTool(t, 'busybox')) return;
  const { code } = await run(t, 'crun', 'true');
  t.is(code, 0);
  if (readControlGroups().mode !== 'hybrid') return;
  const hidden = 'umount /sys/fs/cgroup/unified && find /sys/fs/cgroup/unified -mindepth 1';
  t.is(execFileSync('unshare', ['-m', 'sh', '-c', hidden], { encoding: 'utf8' }), '');
});
