import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram, needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import type { RuntimeConfig } from '@img/spec/runtime-config';
import { Ajv, type ValidateFunction } from 'ajv';
import test, { type ExecutionContext } from 'ava';
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

test('the official schema of runtime-spec accepts the configs, and refuses broken ones', async (t) => {
  if (!needsTool(t, 'go')) return;
  const validate = await officialSchema(t);
  const variants: readonly RunOptions[] = [
    {},
    { user: '0', network: 'host', isWritable: true, hasTerminal: true },
    { memoryBytes: 2 ** 30, cpus: 0.5, pids: 10, env: ['B=2'], command: [''] },
  ];
  for (const options of variants) t.true(validate(config(options)), JSON.stringify(validate.errors));
  const good = config();
  for (const broken of [
    { ...good, ociVersion: 1 },
    { ...good, process: { ...good.process, env: 'A=1' } },
    { ...good, process: { ...good.process, user: { uid: -1 } } },
    { ...good, process: { ...good.process, capabilities: { bounding: 'CAP_KILL' } } },
    { ...good, linux: { ...good.linux, seccomp: { ...good.linux.seccomp, defaultAction: 'ALLOW' } } },
    { ...good, linux: { ...good.linux, namespaces: [{ type: 'disk' }] } },
  ]) {
    t.false(validate(broken));
  }
});

// The schema is the specification's own and not part of this repository; Go's module proxy has it.
async function officialSchema(t: ExecutionContext): Promise<ValidateFunction> {
  const { stdout } = await promisify(execFile)(
    findProgram('go') ?? 'go',
    ['mod', 'download', '-json', 'github.com/opencontainers/runtime-spec@v1.2.1'],
    { cwd: temporaryFolder(t) },
  );
  const folder = join((JSON.parse(stdout) as { Dir: string }).Dir, 'schema');
  const ajv = new Ajv({ strict: false });
  for (const name of ['defs.json', 'defs-linux.json', 'config-linux.json']) {
    ajv.addSchema(readSchema(join(folder, name)), name);
  }
  const schema = readSchema(join(folder, 'config-schema.json')) as { properties: Record<string, unknown> };
  // The other platforms' parts would need their files, too.
  for (const platform of ['solaris', 'windows', 'vm', 'zos']) delete schema.properties[platform];
  return ajv.compile(schema);
}

// The schema is of draft 4; it uses nothing of it that newer drafts have changed, but its name.
function readSchema(path: string): object {
  const { $schema: _draft, ...schema } = JSON.parse(readFileSync(path, 'utf8')) as { $schema?: string };
  return schema;
}
