/** How much an app is kept apart from its host. */
export type ProfileName = 'app' | 'compat' | 'strict';

/** What an app may do that runs in a profile. */
export type Profile = {
  /** Whether no program can gain rights that its caller has not, by set-user-ID and the like. */
  readonly noNewPrivileges: boolean;
  /** Of a process that starts as root; names as in capabilities(7). */
  readonly rootCapabilities: readonly string[];
  /** What a process that starts as another user can gain, if programs can give it. */
  readonly otherCapabilities: readonly string[];
  /** Which system calls there are: `usual` ones, or `few`. */
  readonly systemCalls: 'usual' | 'few';
  /** Whether the whole tree can be written unless the caller says otherwise. */
  readonly isWritable: boolean;
  /** Whether what the app writes in the usual folders in memory can be executed. */
  readonly canExecuteWritten: boolean;
  /** How much of the kernel's files is hidden: what tells of the `host`, or also what tells of its `kernel`. */
  readonly hides: 'host' | 'kernel';
  /** The most processes and threads unless the caller says otherwise. */
  readonly pids: number;
  /** Whether the caller may give it the host's network and a writable tree. */
  readonly canBeOpened: boolean;
};

// What a root process needs to manage files and users of its own image; podman's default set.
const rootCapabilities: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_NET_BIND_SERVICE',
  'CAP_SETFCAP',
  'CAP_SETGID',
  'CAP_SETPCAP',
  'CAP_SETUID',
  'CAP_SYS_CHROOT',
];

const app: Profile = {
  noNewPrivileges: true,
  rootCapabilities,
  otherCapabilities: [],
  systemCalls: 'usual',
  isWritable: false,
  canExecuteWritten: true,
  hides: 'host',
  pids: 512,
  canBeOpened: true,
};

/**
 * The profiles: `app` for what was made with care, `strict` for what needs nothing of the host and runs no code but
 * its image's, `compat` for images that count on what other tools allow by default.
 */
export const profiles: { readonly [name in ProfileName]: Profile } = {
  app,
  strict: {
    ...app,
    rootCapabilities: [],
    systemCalls: 'few',
    canExecuteWritten: false,
    hides: 'kernel',
    pids: 256,
    canBeOpened: false,
  },
  compat: {
    ...app,
    noNewPrivileges: false,
    otherCapabilities: rootCapabilities,
    isWritable: true,
    pids: 2048,
  },
};

/** The names of the profiles, the default first. */
export const profileNames: readonly ProfileName[] = ['app', 'strict', 'compat'];

const rows: readonly (readonly [what: string, value: (profile: Profile) => string])[] = [
  ['set-user-ID programs', ({ noNewPrivileges }) => (noNewPrivileges ? 'give nothing' : 'give rights')],
  ['capabilities of root', ({ rootCapabilities: set }) => countOf(set)],
  ['of other users, at most', ({ otherCapabilities: set }) => countOf(set)],
  ['system calls', ({ systemCalls }) => systemCalls],
  ['the tree', ({ isWritable }) => (isWritable ? 'writable' : 'read-only')],
  ['programs in /tmp', ({ canExecuteWritten }) => (canExecuteWritten ? 'run' : 'do not run')],
  ['hidden in /proc and /sys', ({ hides }) => (hides === 'host' ? 'the host' : 'host and kernel')],
  ['processes, at most', ({ pids }) => String(pids)],
  ['network', () => 'none'],
  ['--net host, --writable', ({ canBeOpened }) => (canBeOpened ? 'possible' : 'refused')],
  ['user namespace', () => "the host's"],
];

/** What each profile gives, as a table: a row per property, a column per profile, with a heading. */
export function profileTable(): readonly (readonly string[])[] {
  return [
    ['', ...profileNames],
    ...rows.map(([what, value]) => [what, ...profileNames.map((name) => value(profiles[name]))]),
  ];
}

function countOf(set: readonly string[]): string {
  return set.length === 0 ? 'none' : String(set.length);
}
