import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, readdirSync, statSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import type { ExecutionContext } from 'ava';
import { profileNames } from '../config/profile.ts';
import type { RunOptions } from '../config/run-options.ts';
import type { RuntimeName } from '../state/container-record.ts';
import { makeBusyboxTree } from '../testing/busybox-tree.ts';
import { eachLauncher, run } from '../testing/launch-harness.ts';

const source = fileURLToPath(new URL('../testing/probe-inside.c', import.meta.url));

/** What is tried, what comes of it in `app`, `strict` and `compat`, and why; numbers are those of errno(3). */
const attempts: readonly (readonly [
  attempt: string,
  app: string,
  strict: string,
  compat: string,
  reason: string,
])[] = [
  ['processes', '1', '1', '1', 'it sees no process but its own'],
  ['tcp-of-the-host', '111', '111', '111', 'nobody listens in a network of its own'],
  ['abstract-socket-of-the-host', '111', '111', '111', 'these are of the network, too'],
  ['raw-socket', '1', '1', '1', 'no CAP_NET_RAW'],
  ['packet-socket', '97', '97', '97', 'the filter knows no such family'],
  ['write-tree', '30', '30', '0', 'read-only, but in compat, where it is written in memory'],
  ['write-core-pattern', '30', '30', '30', 'it would name a program that the host runs as root'],
  ['write-sysrq', '*', '*', '*', 'it would switch off the host'],
  ['write-sys', '*', '*', '*', 'settings of the kernel; hidden in strict'],
  ['write-control-group', '*', '*', '*', 'it would leave its limits'],
  ['write-control-group-pids', '*', '*', '*', 'so it would'],
  ['memory-of-the-kernel', '2', '2', '2', 'no such device'],
  ['log-of-the-kernel', '2', '2', '2', 'no such device'],
  ['loop-control', '2', '2', '2', 'no such device'],
  ['make-device', '1', '1', '1', 'no CAP_MKNOD'],
  ['make-pipe', '0', '0', '0', 'programs need it, and it is no device'],
  ['kcore', 'hidden', 'hidden', 'hidden', 'all memory of the host'],
  ['keys', 'hidden', 'hidden', 'hidden', 'keys of the host'],
  ['firmware', 'hidden', 'hidden', 'hidden', 'what the host runs on'],
  ['timers', 'hidden', 'hidden', 'hidden', 'what others on the host do'],
  [
    'symbols-of-the-kernel',
    'shown',
    'hidden',
    'shown',
    'addresses are zero without CAP_SYSLOG, but names tell',
  ],
  ['modules', '*', '*', '*', 'which drivers can be attacked'],
  ['command-of-the-kernel', 'shown', 'hidden', 'shown', 'how the host was booted'],
  ['written-program', '0', '13', '0', 'strict runs no code but that of the image'],
  ['set-user-id', '0', '0', '0', 'it is root already'],
  ['mount', '1', '1', '1', 'denied by the filter, and no CAP_SYS_ADMIN'],
  ['remount', '1', '1', '1', 'so is making the tree writable'],
  ['umount', '1', '1', '1', 'or uncovering what is masked'],
  ['load-module', '1', '1', '1', 'code for the kernel'],
  ['load-module-file', '1', '1', '1', 'code for the kernel'],
  ['kexec', '1', '1', '1', 'another kernel'],
  ['reboot', '1', '1', '1', 'the host’s'],
  ['new-user-namespace', '1', '1', '1', 'there it would have all capabilities, over code that expects them'],
  ['user-namespace-by-clone', '*', '*', '*', 'so it would there'],
  [
    'user-namespace-by-clone3',
    '38',
    '38',
    '38',
    'no filter can look at its flags; the C library takes clone',
  ],
  ['join-namespace', '1', '1', '1', 'the host’s'],
  ['hostname', '1', '1', '1', 'no CAP_SYS_ADMIN'],
  ['keyctl', '1', '1', '1', 'keyrings know no namespaces'],
  ['bpf', '1', '1', '1', 'code for the kernel'],
  ['perf', '1', '1', '1', 'it measures others'],
  ['open-by-handle', '1', '1', '1', 'a way to every file of the disk below'],
  ['ptrace', '0', '1', '0', 'debuggers need it, strict has none'],
  ['chroot', '0', '1', '0', 'root may in its image, strict has no capability'],
];

// Without a filter the kernel refuses them in ways that depend on what it was built with.
const ofKernel =
  'packet-socket load-module load-module-file kexec open-by-handle perf bpf join-namespace hostname'.split(
    ' ',
  );

// Without that device nobody can give it to an app.
const hasLoopControl = existsSync('/dev/loop-control');

/** What changes for each protection that is given up. */
const givenUp: readonly (readonly [
  item: NonNullable<RunOptions['insecure']>[number],
  changes: { readonly [attempt: string]: string },
])[] = [
  [
    'seccomp',
    {
      keyctl: '0',
      'new-user-namespace': '0',
      'user-namespace-by-clone': '0',
      'user-namespace-by-clone3': '0',
      ...Object.fromEntries(ofKernel.map((name) => [name, '*'])),
    },
  ],
  [
    'kernel-files',
    {
      'write-core-pattern': '0',
      'write-sysrq': existsSync('/proc/sysrq-trigger') ? '0' : '*',
      'write-sys': existsSync('/sys/kernel/mm/ksm/run') ? '0' : '*',
      keys: existsSync('/proc/keys') ? 'shown' : 'hidden',
      timers: existsSync('/proc/timer_list') ? 'shown' : 'hidden',
      firmware:
        readdirSync('/sys').includes('firmware') && readdirSync('/sys/firmware').length > 0
          ? 'shown'
          : 'hidden',
    },
  ],
  ['capability:SYS_CHROOT', {}],
  ...(hasLoopControl ? ([['device:/dev/loop-control', { 'loop-control': '0' }]] as const) : []),
];

/** A tree with the program that tries, once as it is and once with the set-user-ID bit. */
function probeTree(t: ExecutionContext): string {
  const tree = join(temporaryFolder(t), 'tree');
  makeBusyboxTree(tree);
  execFileSync('gcc', ['-static', '-O1', '-Wall', '-Werror', '-o', join(tree, 'bin/probe'), source]);
  copyFileSync(join(tree, 'bin/probe'), join(tree, 'bin/set-user-id'));
  chmodSync(join(tree, 'bin/set-user-id'), 0o4755);
  return tree;
}

async function probe(t: ExecutionContext, runtime: RuntimeName, tree: string, options: RunOptions) {
  const host = createServer().listen(0, '127.0.0.1');
  const name = `img-test-${process.pid}-${Math.random()}`;
  const abstract = createServer().listen(`\0${name}`);
  t.teardown(() => host.close());
  t.teardown(() => abstract.close());
  await Promise.all([once(host, 'listening'), once(abstract, 'listening')]);
  const { port } = host.address() as AddressInfo;
  const { lines, stderr, code } = await run(t, runtime, '', {
    tree,
    image: { config: { cmd: ['/bin/probe', String(port), name] } },
    options,
  });
  t.is(code, 0, stderr);
  return new Map(lines.map((line) => line.split(' ') as [string, string]));
}

/** What was found, with what has several ways to fail as `*` if it failed. */
function judged(found: ReadonlyMap<string, string>, others: readonly string[] = []) {
  const loose = [...attempts.filter(([, app]) => app === '*').map(([name]) => name), ...others];
  const judge = (name: string, result: string) =>
    loose.includes(name) && result !== '0' && result !== 'shown' ? '*' : result;
  return Object.fromEntries([...found].map(([name, result]) => [name, judge(name, result)]));
}

function expected(column: number) {
  return Object.fromEntries(attempts.map((attempt) => [attempt[0], attempt[column] ?? '']));
}

eachLauncher('what an app can’t do, from inside, in each profile', async (t, runtime) => {
  if (!needsTool(t, 'gcc')) return;
  const tree = probeTree(t);
  for (const [index, profile] of profileNames.entries()) {
    const found = await probe(t, runtime, tree, { profile });
    t.deepEqual(judged(found), expected(index + 1), profile);
  }
});

eachLauncher('what is given up by name makes a difference, and nothing else does', async (t, runtime) => {
  if (!needsTool(t, 'gcc')) return;
  const tree = probeTree(t);
  for (const [item, changes] of givenUp) {
    const found = await probe(t, runtime, tree, { insecure: [item] });
    t.deepEqual(judged(found, item === 'seccomp' ? ofKernel : []), { ...expected(1), ...changes }, item);
  }
});

eachLauncher('a set-user-ID program gives rights only where that was asked for', async (t, runtime) => {
  if (!needsTool(t, 'gcc')) return;
  const tree = probeTree(t);
  t.is(statSync(join(tree, 'bin/set-user-id')).mode & 0o7777, 0o4755);
  for (const [options, uid, reason] of [
    [{}, '1000', 'no new privileges'],
    [{ profile: 'strict' }, '1000', 'no new privileges'],
    [{ profile: 'compat' }, '0', 'as other tools do it'],
    [{ insecure: ['privileges'] }, '0', 'asked for by name'],
    [{ profile: 'compat', isWritable: false }, '0', 'whether the tree is writable or not'],
  ] as const) {
    const found = await probe(t, runtime, tree, { ...options, user: '1000:1000' });
    t.is(found.get('set-user-id'), uid, `${JSON.stringify(options)}: ${reason}`);
    t.is(found.get('chroot'), '1', 'but the app itself has no more rights');
  }
});
