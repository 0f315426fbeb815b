import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { RuntimeConfig } from '@img/spec/runtime-config';
import type { ExecutionContext } from 'ava';
import { profileNames } from '../config/profile.ts';
import type { RunOptions } from '../config/run-options.ts';
import { capabilityMask } from '../linux/capability.ts';
import type { RuntimeName } from '../state/container-record.ts';
import { readControlGroups } from '../state/control-groups.ts';
import { each, start, theContainer } from '../testing/launch-harness.ts';

// Each part of what the app tells is between lines that name it.
const tell = (name: string, command: string) => `echo "@@ ${name}"; ${command}; `;
const script = [
  tell('status', 'cat /proc/self/status'),
  tell('limits', 'cat /proc/self/limits'),
  tell('mounts', 'cat /proc/self/mountinfo'),
  tell('environment', 'env'),
  tell('folder', 'pwd'),
  tell('mask', 'umask'),
  tell('hostname', 'cat /proc/sys/kernel/hostname'),
  tell('first-port', 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start'),
  tell('spaces', 'for space in pid net ipc uts mnt cgroup user; do readlink /proc/self/ns/$space; done'),
  tell('pids', 'cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null'),
  tell('memory', 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null'),
  // And stays until it was compared.
  'echo "@@ end"; cat >/dev/null',
].join('');

/** What an app tells of itself, and the config in the bundle that it was started from. */
async function look(t: ExecutionContext, runtime: RuntimeName, options: RunOptions) {
  const { child, state, runFolder } = start(t, runtime, script, {
    options: { ...options, isInteractive: true },
    image: { config: { env: ['A=of the image', 'B=2'], workingDir: '/srv', volumes: ['/data'] } },
    files: { 'etc/passwd': 'app:x:1000:1001::/home/app:\n', 'etc/group': 'app:x:1001:\nvideo:x:44:app\n' },
  });
  const told = await readUntilEnd(child.stdout);
  await theContainer(state);
  // The runtime has taken the place of this process, and still sees the bundle.
  const path = `/proc/${child.pid}/root${runFolder}/bundle/config.json`;
  const config = JSON.parse(readFileSync(path, 'utf8')) as RuntimeConfig;
  child.stdin.end();
  await once(child, 'close');
  return { told, config };
}

async function readUntilEnd(stdout: Readable): Promise<ReadonlyMap<string, string>> {
  let text = '';
  for await (const chunk of stdout.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.includes('@@ end\n')) break;
  }
  const parts = text.split(/^@@ /m).slice(1);
  return new Map(
    parts.map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]),
  );
}

const status = (told: ReadonlyMap<string, string>, key: string) =>
  new RegExp(`^${key}:\\s*(.*?)\\s*$`, 'm').exec(told.get('status') ?? '')?.[1] ?? '';

const cases: readonly RunOptions[] = [
  ...profileNames.map((profile) => ({ profile })),
  { profile: 'compat', user: 'app', insecure: ['capability:NET_ADMIN'] },
  { user: 'app', insecure: ['seccomp', 'privileges'], memoryBytes: 64 * 1024 * 1024, pids: 33 },
];

each('what the bundle says is what the app sees', async (t, runtime) => {
  for (const options of cases) {
    const { told, config } = await look(t, runtime, options);
    const { process, linux, mounts, hostname } = config;
    const what = (aspect: string) => `${JSON.stringify(options)}: ${aspect}`;
    const { uid, gid, additionalGids } = process.user;
    t.is(status(told, 'Uid'), Array(4).fill(uid).join('\t'), what('user'));
    t.is(status(told, 'Gid'), Array(4).fill(gid).join('\t'), what('group'));
    const groups = status(told, 'Groups').split(' ').map(Number);
    t.deepEqual(groups.toSorted(), additionalGids.toSorted(), what('groups'));
    for (const [key, set] of [
      ['CapBnd', process.capabilities.bounding],
      ['CapEff', process.capabilities.effective],
      ['CapPrm', process.capabilities.permitted],
      ['CapInh', process.capabilities.inheritable],
      ['CapAmb', process.capabilities.ambient],
    ] as const) {
      t.is(BigInt(`0x${status(told, key)}`), capabilityMask(set), what(key));
    }
    t.is(status(told, 'NoNewPrivs'), process.noNewPrivileges ? '1' : '0', what('new privileges'));
    t.is(status(told, 'Seccomp'), linux.seccomp === undefined ? '0' : '2', what('filter'));
    const [files] = process.rlimits;
    t.regex(told.get('limits') ?? '', new RegExp(`^Max open files +${files?.soft} +${files?.hard} `, 'm'));
    const variables = (told.get('environment') ?? '').trimEnd().split('\n');
    t.deepEqual(variables.filter((line) => !/^(?:SHLVL|PWD)=/.test(line)).toSorted(), process.env.toSorted());
    t.is(told.get('folder'), `${process.cwd}\n`, what('folder'));
    t.is(told.get('mask'), '0022\n', what('mask of permissions'));
    t.is(told.get('hostname'), `${hostname}\n`, what('name of the host'));
    t.is(told.get('first-port'), `${linux.sysctl['net.ipv4.ip_unprivileged_port_start']}\n`, what('sysctl'));
    for (const space of (told.get('spaces') ?? '').trimEnd().split('\n')) {
      const name = space.slice(0, space.indexOf(':')) as 'pid';
      const type = { net: 'network', mnt: 'mount' }[name as string] ?? name;
      const isOwn = linux.namespaces.some((namespace) => namespace.type === type);
      t.is(space !== readlinkSync(`/proc/self/ns/${name}`), isOwn, what(`namespace ${name}`));
    }
    compareMounts(t, told.get('mounts') ?? '', mounts);
    const { controllers } = readControlGroups();
    if (controllers.has('pids'))
      t.is(told.get('pids'), `${linux.resources.pids?.limit}\n`, what('processes'));
    const limit = linux.resources.memory?.limit;
    if (limit !== undefined) t.is(told.get('memory'), `${limit}\n`, what('memory'));
  }
});

function compareMounts(t: ExecutionContext, mountinfo: string, mounts: RuntimeConfig['mounts']): void {
  const found = new Map(
    mountinfo.split('\n').map((line) => {
      const [fields = '', rest = ''] = line.split(' - ');
      const [, , , , target = '', flags = ''] = fields.split(' ');
      return [target, { flags: flags.split(','), type: rest.split(' ')[0] }] as const;
    }),
  );
  for (const { destination, type, options } of mounts) {
    if (destination === '/.') continue;
    const mount = found.get(destination);
    for (const flag of ['nosuid', 'nodev', 'noexec'].filter((name) => options.includes(name))) {
      t.true(mount?.flags.includes(flag), `${destination} ${flag}`);
    }
    if (!['bind', 'cgroup'].includes(type)) t.is(mount?.type, type, destination);
  }
}
