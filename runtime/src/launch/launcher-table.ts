import { quote } from '@img/spec/quote';
import type { RuntimeMount } from '@img/spec/runtime-config';
import { isAtOrBelow } from '../config/inside-path.ts';
import type { RunOptions } from '../config/run-options.ts';
import { RuntimeError } from '../runtime-error.ts';
import { type RuntimeName, runtimeNames } from '../state/container-record.ts';

/** What is asked of a launcher besides the image. */
export type LaunchWishes = {
  readonly options: Pick<RunOptions, 'hasTerminal' | 'insecure' | 'mounts' | 'network'>;
  /** Whether the app runs on without its caller. */
  readonly isDetached: boolean;
  /** Whether it belongs to a unit of systemd. */
  readonly isInUnit: boolean;
  /** Whether it runs in the user namespace of somebody other than root. */
  readonly isUser: boolean;
};

/** What a launcher can't do, or does in its own way, and why or how; crun and runc do all of them. */
export type LauncherLimit = {
  readonly what: string;
  readonly launcher: RuntimeName;
  readonly reason: string;
  /** What becomes of who asks for it: it is refused, or done otherwise. */
  readonly answer: 'refused' | 'otherwise';
  /** Whether it was asked for at the launch; absent for what is asked for later, and for what nobody asks for. */
  readonly isWished?: (wishes: LaunchWishes) => boolean;
};

/** The folders of a container in which nspawn keeps things of its own. */
export const nspawnFolders: readonly string[] = ['/run/host', '/run/systemd'];

type Limit = Omit<LauncherLimit, 'launcher' | 'answer'>;

const refused = (limit: Limit): LauncherLimit => ({ launcher: 'nspawn', answer: 'refused', ...limit });
const otherwise = (limit: Limit): LauncherLimit => ({ launcher: 'nspawn', answer: 'otherwise', ...limit });

/**
 * What the launchers can't do for an app, and what they do otherwise than the other ones. Whatever does not stand here
 * every launcher honours: the tree and its mounts, user and groups, environment, capabilities, system calls, hidden files of
 * the kernel, limits, secrets, the networks none and host.
 */
export const launcherLimits: readonly LauncherLimit[] = [
  refused({
    what: '--detach',
    reason: 'it leaves nobody who takes the exit code and holds the output',
    isWished: ({ isDetached }) => isDetached,
  }),
  refused({
    what: 'img install',
    reason: 'a unit needs a process of the app that it can watch, and nspawn is one of its own',
    isWished: ({ isInUnit }) => isInUnit,
  }),
  refused({
    what: 'users other than root',
    reason: 'it has to be root of the host',
    isWished: ({ isUser }) => isUser,
  }),
  refused({
    what: '--net bridge, --publish',
    reason: 'nothing of it waits at its end until the container is off its network',
    isWished: ({ options }) => options.network === 'bridge',
  }),
  refused({
    what: '--tty',
    reason: 'its terminal has keys of its own, with which whoever types ends the app',
    isWished: ({ options }) => options.hasTerminal === true,
  }),
  refused({
    what: '--insecure capability:SYS_ADMIN',
    reason: 'the app could make namespaces then, which is denied elsewhere and nspawn itself has to do',
    isWished: ({ options }) => options.insecure?.includes('capability:SYS_ADMIN') === true,
  }),
  refused({
    what: '--insecure capability:MKNOD',
    reason: 'the app could make and open every device of the host, which its control group denies elsewhere',
    isWished: ({ options }) => options.insecure?.includes('capability:MKNOD') === true,
  }),
  refused({
    what: 'a volume at /run',
    reason: 'it writes there, and that would be the folder of the host',
    isWished: ({ options }) =>
      (options.mounts ?? []).some(
        ({ kind, destination }) => kind === 'bind' && (destination === '/run' || isNspawnFolder(destination)),
      ),
  }),
  refused({
    what: 'some variables',
    reason: 'their names may have letters, digits and _ only',
  }),
  refused({
    what: 'some images',
    reason: 'it would follow links at /dev, /proc, /sys, /run and /etc/machine-id out of them',
  }),
  refused({ what: 'img exec, img attach', reason: 'only crun and runc start a command in their containers' }),
  otherwise({
    what: 'the self-check',
    reason: 'looks at the app as soon as it runs; it does not wait for that',
  }),
  otherwise({
    what: 'an app that a signal ends',
    reason: 'has the exit code 1 instead of 128 and the signal',
  }),
  otherwise({
    what: 'signals to img run',
    reason: 'SIGINT and SIGTERM reach the app as its stop signal; img kill sends any',
  }),
  otherwise({
    what: 'the environment',
    reason: 'has NOTIFY_SOCKET, LANG and variables that begin with container, too',
  }),
  otherwise({
    what: '/run/host',
    reason: 'is there, with files that name nspawn and the container; so is /usr',
  }),
  otherwise({
    what: 'devices',
    reason: 'are not denied by the control group, too; there are none but in /dev',
  }),
  otherwise({ what: 'limits', reason: 'are those of nspawn (5 MB) and the app together' }),
  otherwise({
    what: 'new system calls',
    reason: 'are refused as unknown if they are newer than the libseccomp of the host',
  }),
];

/**
 * Refuses what a launcher can't do before anything is started.
 *
 * @throws RuntimeError RUNTIME_LACKS
 */
export function checkLauncher(launcher: RuntimeName, wishes: LaunchWishes): void {
  const lacking = launcherLimits.filter(
    (limit) => limit.launcher === launcher && limit.isWished?.(wishes) === true,
  );
  if (lacking.length === 0) return;
  const others = runtimeNames.filter((name) => !launcherLimits.some((limit) => limit.launcher === name));
  throw new RuntimeError(
    'RUNTIME_LACKS',
    `${launcher} can't do what was asked: ${lacking.map(({ what, reason }) => `${what} (${reason})`).join('; ')}`,
    { hint: `leave that out, or take ${others.join(' or ')}; on Debian: apt-get install ${others[0]}` },
  );
}

/**
 * Refuses a mount that the image's own links lead to where nspawn keeps things.
 *
 * @param bundle the folder whose own mounts may be there
 * @throws RuntimeError RUNTIME_LACKS
 */
export function checkNspawnMounts(
  mounts: readonly Pick<RuntimeMount, 'destination' | 'source' | 'type'>[],
  bundle: string,
): void {
  const isOfHost = ({ type, source }: Pick<RuntimeMount, 'source' | 'type'>) =>
    type === 'bind' && !isAtOrBelow(source, bundle);
  const taken = mounts.find(
    (mount) => isNspawnFolder(mount.destination) || (mount.destination === '/run' && isOfHost(mount)),
  )?.destination;
  if (taken === undefined) return;
  throw new RuntimeError(
    'RUNTIME_LACKS',
    `nspawn can't have ${quote(taken)} mounted, because it keeps things of its own there`,
    { hint: 'leave that out, or take crun or runc' },
  );
}

function isNspawnFolder(path: string): boolean {
  return nspawnFolders.some((folder) => isAtOrBelow(path, folder));
}
