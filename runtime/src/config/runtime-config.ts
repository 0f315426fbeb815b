import type { ImageConfig } from '@img/spec/image-config';
import type {
  RuntimeConfig,
  RuntimeDevice,
  RuntimeHook,
  RuntimeLinux,
  RuntimeMount,
  RuntimeNamespace,
  RuntimeProcess,
} from '@img/spec/runtime-config';
import { hasId, type UserNamespace } from '../linux/user-namespace.ts';
import { RuntimeError } from '../runtime-error.ts';
import { annotationsOf } from './annotations.ts';
import { commandOf } from './command.ts';
import { type Confinement, capabilitiesOf, confinementOf } from './confinement.ts';
import { defaultPath, mergeEnvironment } from './environment.ts';
import { isShownOfSys, kernelMounts, userKernelMounts } from './kernel-mounts.ts';
import { processLimits } from './process-limits.ts';
import { type Controller, resourcesOf } from './resources.ts';
import type { Network, RunOptions } from './run-options.ts';
import { systemCallFilter } from './seccomp.ts';
import { parseStopSignal } from './stop-signal.ts';
import { type ResolvedUser, resolveUser, type UserDatabase } from './user.ts';
import { parseWorkingDir } from './working-dir.ts';

/** What the config depends on besides image and options. */
export type RuntimeContext = {
  /** Names the control group. */
  readonly id: string;
  readonly hostname: string;
  /** The image's tree, relative to the bundle; a mount that can be written if, and only if, the app may. */
  readonly rootPath: string;
  readonly users: UserDatabase;
  /** The mounts over the tree, as {@link planStorage} ordered them. */
  readonly mounts: readonly RuntimeMount[];
  /** Those of the host that the app is given. */
  readonly devices: readonly RuntimeDevice[];
  /** The path of the network namespace, for the network `bridge`. */
  readonly networkNamespace?: string;
  readonly controllers: ReadonlySet<Controller>;
  /** The user namespace in which it runs, if that is not the host's: it has no control group then. */
  readonly userNamespace?: UserNamespace;
  /** Its control group if that is, or is in, the one of a unit of systemd, which has the limits. */
  readonly unitGroup?: string;
  /** /proc/self/limits */
  readonly limitsText: string;
  readonly poststop: readonly RuntimeHook[];
};

/** The oldest version that has all we use; older runtimes refuse what is newer than they are. */
const ociVersion = '1.0.2';

/**
 * The runtime config for an image (image-spec, conversion.md): what the image says, what the caller changed, and
 * where neither has a say, what its profile gives.
 *
 * @throws RuntimeError COMMAND_MISSING, ENVIRONMENT_INVALID, WORKING_DIR_INVALID, SIGNAL_UNKNOWN, USER_INVALID,
 *   USER_UNKNOWN, GROUP_UNKNOWN, LIMIT_INVALID, PROFILE_REFUSED, HOST_UNSUPPORTED
 */
export function runtimeConfig(
  image: ImageConfig,
  options: RunOptions,
  context: RuntimeContext,
): RuntimeConfig {
  const user = resolveUser(options.user ?? image.config.user, context.users);
  // Refused now, because a container that can't be told to stop should not start.
  parseStopSignal(image.config.stopSignal);
  const network = options.network ?? 'none';
  const confinement = confinementOf(options);
  const { systemCalls, maskedPaths, readonlyPaths, hasWritableSys } = confinement;
  const { devices, userNamespace } = context;
  if (userNamespace !== undefined) checkMapped(user, userNamespace);
  const isThere = userNamespace !== undefined && network === 'host' ? isShownOfSys : () => true;
  return {
    ociVersion,
    process: processOf(image, options, user, { ...context, ...confinement }),
    // Mounted read-only where it is: runtimes would mount it anew for that, without `nosuid` and `nodev`.
    root: { path: context.rootPath, readonly: false },
    hostname: context.hostname,
    mounts: [
      ...(userNamespace === undefined ? kernelMounts(hasWritableSys) : userKernelMounts(network === 'host')),
      ...context.mounts,
    ],
    hooks: { poststop: context.poststop },
    annotations: annotationsOf(image),
    linux: {
      namespaces: namespacesOf(network, context.networkNamespace),
      ...groupOf(options, context, confinement.pids),
      // A process without capabilities may serve port 80: in a network of its own nobody is there to be cheated.
      sysctl: network === 'host' ? {} : { 'net.ipv4.ip_unprivileged_port_start': '0' },
      ...(devices.length === 0 ? {} : { devices }),
      ...(systemCalls === undefined
        ? {}
        : { seccomp: systemCallFilter(image.platform.architecture, systemCalls) }),
      maskedPaths: maskedPaths.filter(isThere),
      readonlyPaths: readonlyPaths.filter(isThere),
    },
  };
}

function processOf(
  image: ImageConfig,
  options: RunOptions,
  user: ResolvedUser,
  {
    noNewPrivileges,
    pids,
    limitsText,
    userNamespace,
  }: Pick<Confinement, 'noNewPrivileges' | 'pids'> & Pick<RuntimeContext, 'limitsText' | 'userNamespace'>,
): RuntimeProcess {
  const { uid, gid, additionalGids, home } = user;
  const hasTerminal = options.hasTerminal ?? false;
  return {
    terminal: hasTerminal,
    user: { uid, gid, additionalGids },
    args: commandOf(image.config, options),
    env: mergeEnvironment(image.config.env, options.env ?? [], {
      PATH: defaultPath,
      HOME: home,
      ...(hasTerminal ? { TERM: 'xterm' } : {}),
    }),
    cwd: parseWorkingDir(options.workingDir ?? image.config.workingDir),
    capabilities: capabilitiesOf(uid, options),
    // Without a control group, the kernel counts them per user and namespace (Linux 5.14).
    rlimits: processLimits(limitsText, userNamespace === undefined ? {} : { processes: pids }),
    noNewPrivileges,
  };
}

function groupOf(
  options: RunOptions,
  { id, unitGroup, userNamespace, controllers, devices }: RuntimeContext,
  pids: number,
): Pick<RuntimeLinux, 'cgroupsPath' | 'resources'> {
  // Runtimes refuse a path that was asked for and can't be made.
  if (userNamespace !== undefined) return { resources: { devices: [] } };
  return {
    cgroupsPath: unitGroup ?? `/img-${id}`,
    resources: resourcesOf(options, unitGroup === undefined ? controllers : new Set(), { pids, devices }),
  };
}

function checkMapped({ uid, gid, additionalGids }: ResolvedUser, { users, groups }: UserNamespace): void {
  const group = [gid, ...additionalGids].find((id) => !hasId(groups, id));
  if (hasId(users, uid) && group === undefined) return;
  throw new RuntimeError(
    'OWNER_UNMAPPED',
    `the app runs as ${hasId(users, uid) ? `group ${group}` : `user ${uid}`}, who has no number in your range`,
    { hint: 'choose another one with --user, or ask for a larger range of subordinate ids' },
  );
}

function namespacesOf(network: Network, path: string | undefined): readonly RuntimeNamespace[] {
  const own = ['pid', 'ipc', 'uts', 'mount', 'cgroup'] as const;
  const ofNetwork = { type: 'network', ...(path === undefined ? {} : { path }) } as const;
  return [...own.map((type) => ({ type })), ...(network === 'host' ? [] : [ofNetwork])];
}
