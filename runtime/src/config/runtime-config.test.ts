import type { RuntimeConfig } from '@img/spec/runtime-config';
import test from 'ava';
import type { RunOptions } from './run-options.ts';
import { type RuntimeContext, runtimeConfig } from './runtime-config.ts';
import { image } from './testing.ts';

const encode = (text: string) => new TextEncoder().encode(text);

const context: RuntimeContext = {
  id: '0123456789abcdef',
  hostname: 'app',
  rootPath: 'rootfs',
  users: {
    passwd: encode('root:x:0:0::/root:\napp:x:1000:1000::/home/app:\n'),
    group: encode('video:x:44:app\n'),
  },
  mounts: [{ destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=1777'] }],
  devices: [],
  controllers: new Set(['cpu', 'memory', 'pids']),
  limitsText: 'Max open files            1024                 20000                files\n',
  poststop: [{ path: '/bin/rm', args: ['rm', '-rf', '/run/img/containers/0123456789abcdef'] }],
};

const web = image({
  config: {
    user: 'app',
    env: ['PATH=/opt/bin', 'A=1'],
    entrypoint: ['/opt/bin/web'],
    cmd: ['--port', '80'],
    workingDir: '/srv',
    stopSignal: 'SIGQUIT',
    labels: { maintainer: 'Alice' },
    exposedPorts: ['80/tcp'],
    volumes: ['/data'],
  },
});

const config = (options: RunOptions = {}, base = web): RuntimeConfig => runtimeConfig(base, options, context);

test('runtimeConfig() carries over what the image says', (t) => {
  const { process, root, hostname, annotations } = config();
  t.deepEqual(process, {
    terminal: false,
    user: { uid: 1000, gid: 1000, additionalGids: [1000, 44] },
    args: ['/opt/bin/web', '--port', '80'],
    env: ['PATH=/opt/bin', 'A=1', 'HOME=/home/app'],
    cwd: '/srv',
    capabilities: { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] },
    rlimits: [{ type: 'RLIMIT_NOFILE', soft: 1024, hard: 20_000 }],
    noNewPrivileges: true,
  });
  t.deepEqual(root, { path: 'rootfs', readonly: false }, 'mounted read-only before');
  t.is(hostname, 'app');
  t.is(annotations['maintainer'], 'Alice');
});

test('runtimeConfig() gives root few capabilities and keeps inheritable and ambient empty', (t) => {
  const { capabilities } = config({ user: '0' }).process;
  t.is(capabilities.bounding.length, 11);
  t.false(capabilities.bounding.some((name) => /SYS_ADMIN|NET_RAW|MKNOD|SYS_PTRACE|NET_ADMIN/.test(name)));
  t.deepEqual(capabilities.effective, capabilities.bounding);
  t.deepEqual(capabilities.permitted, capabilities.bounding);
  t.deepEqual([...capabilities.inheritable, ...capabilities.ambient], []);
});

test('runtimeConfig() lets the caller change user, environment, folder and command', (t) => {
  const { process } = config({
    user: '7:8',
    env: ['A=2', 'HOME=/h'],
    workingDir: '/elsewhere',
    entrypoint: ['/bin/sh'],
    command: ['-c', 'id'],
    hasTerminal: true,
  });
  t.deepEqual(process.user, { uid: 7, gid: 8, additionalGids: [8] });
  t.deepEqual(process.env, ['PATH=/opt/bin', 'A=2', 'HOME=/h', 'TERM=xterm']);
  t.deepEqual([process.cwd, ...process.args], ['/elsewhere', '/bin/sh', '-c', 'id']);
  t.true(process.terminal);
});

test('runtimeConfig() isolates the network unless the host’s is asked for', (t) => {
  const types = (options: RunOptions) => config(options).linux.namespaces.map(({ type }) => type);
  t.deepEqual(types({}).toSorted(), ['cgroup', 'ipc', 'mount', 'network', 'pid', 'uts']);
  t.deepEqual(types({ network: 'host' }).toSorted(), ['cgroup', 'ipc', 'mount', 'pid', 'uts']);
  t.deepEqual(config({ network: 'host' }).linux.sysctl, {}, 'nothing of the host’s network is changed');
});

test('runtimeConfig() puts the container’s mounts after the kernel’s', (t) => {
  const destinations = config().mounts.map(({ destination }) => destination);
  t.is(destinations.at(-1), '/tmp');
  t.is(destinations[0], '/proc');
  t.true(config().mounts.every(({ options }) => options.includes('nosuid')));
});

for (const [options, code, reason] of [
  [{ user: 'nobody' }, 'USER_UNKNOWN', 'an unknown user'],
  [{ workingDir: '/proc/self/fd/7' }, 'WORKING_DIR_INVALID', 'a working folder of the kernel'],
  [{ env: ['X'] }, 'ENVIRONMENT_INVALID', 'a variable without value'],
  [{ entrypoint: [] }, 'COMMAND_MISSING', 'nothing to run'],
  [{ memoryBytes: 1 }, 'LIMIT_INVALID', 'a limit that nothing fits in'],
] as const) {
  test(`runtimeConfig() refuses ${reason}`, (t) => {
    t.throws(() => config(options), { code });
  });
}

test('runtimeConfig() refuses an image whose stop signal nobody knows', (t) => {
  t.throws(() => config({}, image({ config: { cmd: ['x'], stopSignal: 'SIGNOPE' } })), {
    code: 'SIGNAL_UNKNOWN',
  });
});

const range = [{ inside: 0, outside: 100_000, count: 65_536 }];
const ofUser = { ...context, userNamespace: { users: range, groups: range } };

test('runtimeConfig() asks for no control group in the user namespace of somebody who can make none', (t) => {
  const { linux, mounts, process } = runtimeConfig(web, {}, ofUser);
  t.is(linux.cgroupsPath, undefined);
  t.deepEqual(linux.resources, { devices: [] });
  t.deepEqual(
    mounts.map(({ destination }) => destination).filter((path) => path.startsWith('/sys')),
    ['/sys'],
    'nor for those of the host to look at',
  );
  t.deepEqual(
    process.rlimits[1],
    { type: 'RLIMIT_NPROC', soft: 512, hard: 512 },
    'but for the most processes',
  );
});

test('runtimeConfig() shows no more of /sys than devices where the network is the host’s', (t) => {
  const { linux, mounts } = runtimeConfig(web, { network: 'host' }, ofUser);
  const places = mounts.map(({ destination }) => destination).filter((path) => path.startsWith('/sys'));
  t.deepEqual(places, ['/sys', '/sys/block', '/sys/bus', '/sys/class', '/sys/devices']);
  const isOther = (path: string) => path.startsWith('/sys') && !path.startsWith('/sys/devices');
  t.deepEqual(linux.maskedPaths.filter(isOther), [], 'what is not there needs not be hidden');
  t.true(linux.maskedPaths.includes('/proc/kcore'));
});

for (const [user, what] of [
  ['65536', 'user 65536'],
  ['0:65536', 'group 65536'],
] as const) {
  test(`runtimeConfig() refuses ${what}, who is not in the user namespace`, (t) => {
    const { message } = t.throws(() => runtimeConfig(web, { user }, ofUser), { code: 'OWNER_UNMAPPED' });
    t.true(message.includes(what));
  });
}
