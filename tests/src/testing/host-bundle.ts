/** What a container needs to be a host with systemd. */
export type HostBundle = {
  /** The words of its first process. */
  readonly init: readonly string[];
  /** The path of a network namespace; the machine's own unless given. */
  readonly network?: string | undefined;
  /** Folders of the machine, and where the host has them. */
  readonly folders: readonly (readonly [source: string, destination: string])[];
};

// All that a kernel of today has.
const capabilities = [
  ...['CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP'],
  ...[
    'LINUX_IMMUTABLE',
    'NET_BIND_SERVICE',
    'NET_BROADCAST',
    'NET_ADMIN',
    'NET_RAW',
    'IPC_LOCK',
    'IPC_OWNER',
  ],
  ...['SYS_RAWIO', 'SYS_CHROOT', 'SYS_PTRACE', 'SYS_PACCT', 'SYS_ADMIN', 'SYS_BOOT', 'SYS_NICE', 'SYS_TIME'],
  ...['SYS_TTY_CONFIG', 'MKNOD', 'LEASE', 'AUDIT_WRITE', 'AUDIT_CONTROL', 'SETFCAP', 'SYSLOG', 'WAKE_ALARM'],
  ...['PERFMON', 'BPF', 'CHECKPOINT_RESTORE'],
].map((name) => `CAP_${name}`);

/** The runtime config of a host: namespaces of its own, but every right and device that a machine's root has. */
export function hostBundle(name: string, { init, network, folders }: HostBundle): object {
  const namespaces = ['pid', 'ipc', 'uts', 'mount', 'cgroup'].map((type) => ({ type }));
  const tmpfs = (destination: string, ...options: readonly string[]) => {
    return { destination, type: 'tmpfs', source: 'tmpfs', options: ['nosuid', ...options] };
  };
  const sets = ['bounding', 'effective', 'permitted', 'inheritable'].map((set) => [set, capabilities]);
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: init,
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'container=oci'],
      cwd: '/',
      capabilities: Object.fromEntries(sets) as object,
      noNewPrivileges: false,
    },
    root: { path: 'rootfs', readonly: false },
    hostname: name,
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      tmpfs('/dev', 'mode=755', 'size=64m'),
      {
        destination: '/dev/pts',
        type: 'devpts',
        source: 'devpts',
        options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
      },
      tmpfs('/dev/shm', 'nodev', 'mode=1777', 'size=64m'),
      { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
      {
        destination: '/sys/fs/cgroup',
        type: 'cgroup',
        source: 'cgroup',
        options: ['nosuid', 'noexec', 'nodev', 'rw'],
      },
      tmpfs('/run', 'nodev', 'mode=755'),
      tmpfs('/tmp', 'nodev'),
      ...folders.map(([source, destination]) => {
        return { destination, type: 'bind', source, options: ['rbind', 'rprivate'] };
      }),
    ],
    linux: {
      namespaces: [...namespaces, ...(network === undefined ? [] : [{ type: 'network', path: network }])],
      cgroupsPath: `/${name}`,
      resources: { devices: [{ allow: true, access: 'rwm' }] },
    },
  };
}
