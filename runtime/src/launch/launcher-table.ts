import { quote } from '@img/spec/quote';
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
  /** Whether it was asked for; a launch is refused then. Absent for what is only otherwise. */
  readonly isWished?: (wishes: LaunchWishes) => boolean;
};

/** The folders of a container in which nspawn keeps things of its own. */
export const nspawnFolders: readonly string[] = ['/run/host', '/run/systemd'];

const nspawn = (limit: Omit<LauncherLimit, 'launcher'>): LauncherLimit => ({ launcher: 'nspawn', ...limit });

/**
 * What the launchers can't do for an app, and what they do otherwise than the other ones. Whatever does not stand here
 * every launcher honours: the tree and its mounts, user and groups, environment, capabilities, system calls, hidden files of
 * the kernel, limits, secrets, the networks none and host.
 */
export const launcherLimits: readonly LauncherLimit[] = [
  nspawn({
    what: '--detach',
    reason: 'it leaves nobody who takes the exit code and holds the output',
    isWished: ({ isDetached }) => isDetached,
  }),
  nspawn({
    what: 'img install',
    reason: 'a unit needs a process of the app that it can watch, and nspawn is one of its own',
    isWished: ({ isInUnit }) => isInUnit,
  }),
  nspawn({
    what: 'users other than root',
    reason: 'it has to be root of the host',
    isWished: ({ isUser }) => isUser,
  }),
  nspawn({
    what: '--net bridge, --publish',
    reason: 'nothing of it waits at its end until the container is off its network',
    isWished: ({ options }) => options.network === 'bridge',
  }),
  nspawn({
    what: '--tty',
    reason: 'its terminal has keys of its own, with which whoever types ends the app',
    isWished: ({ options }) => options.hasTerminal === true,
  }),
  nspawn({
    what: '--insecure capability:SYS_ADMIN',
    reason: 'the app could make namespaces then, which is denied elsewhere and nspawn itself has to do',
    isWished: ({ options }) => hasItem(options, 'capability:SYS_ADMIN'),
  }),
  nspawn({
    what: '--insecure device:/dev/NAME',
    reason: 'it makes the devices of a container by itself',
    isWished: ({ options }) => hasItem(options, 'device:'),
  }),
  nspawn({
    what: 'a volume at /run',
    reason: 'it writes there, and that would be the folder of the host',
    isWished: ({ options }) =>
      (options.mounts ?? []).some(
        ({ kind, destination }) => kind === 'bind' && (destination === '/run' || isNspawnFolder(destination)),
      ),
  }),
  nspawn({ what: 'img exec, img attach', reason: 'only crun and runc start a command in their containers' }),
  nspawn({
    what: 'the self-check',
    reason: 'looks at the app as soon as it runs; it does not wait for that',
  }),
  nspawn({ what: 'an app that a signal ends', reason: 'has the exit code 1 instead of 128 and the signal' }),
  nspawn({
    what: 'signals to img run',
    reason: 'SIGINT and SIGTERM reach the app as its stop signal; img kill sends any',
  }),
  nspawn({
    what: 'the environment',
    reason: 'has NOTIFY_SOCKET, LANG and variables that begin with container, too',
  }),
  nspawn({
    what: '/run/host',
    reason: 'is there, with files that name nspawn and the container; so is /usr',
  }),
  nspawn({ what: 'limits', reason: 'are those of nspawn (5 MB) and the app together' }),
  nspawn({
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
    { hint: `leave that out, or take ${others.join(' or ')}, on Debian: apt-get install ${others[0]}` },
  );
}

/**
 * Refuses a mount that the image's own links lead to where nspawn keeps things.
 *
 * @throws RuntimeError RUNTIME_LACKS
 */
export function checkNspawnMounts(destinations: readonly string[]): void {
  const taken = destinations.find(isNspawnFolder);
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

function hasItem({ insecure = [] }: LaunchWishes['options'], prefix: string): boolean {
  return insecure.some((item) => item.startsWith(prefix));
}
