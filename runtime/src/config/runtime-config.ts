import type { ImageConfig } from '@img/spec/image-config';
import type {
  RuntimeConfig,
  RuntimeHook,
  RuntimeMount,
  RuntimeNamespace,
  RuntimeProcess,
} from '@img/spec/runtime-config';
import { annotationsOf } from './annotations.ts';
import { appCapabilities } from './capabilities.ts';
import { commandOf } from './command.ts';
import { defaultPath, mergeEnvironment } from './environment.ts';
import { kernelMounts } from './kernel-mounts.ts';
import { maskedPaths, readonlyPaths } from './kernel-paths.ts';
import { processLimits } from './process-limits.ts';
import { type Controller, resourcesOf } from './resources.ts';
import type { RunOptions } from './run-options.ts';
import { appSeccomp } from './seccomp.ts';
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
  readonly controllers: ReadonlySet<Controller>;
  /** Its control group if that is, or is in, the one of a unit of systemd, which has the limits. */
  readonly unitGroup?: string;
  /** /proc/self/limits */
  readonly limitsText: string;
  readonly poststop: readonly RuntimeHook[];
};

/** The oldest version that has all we use; older runtimes refuse what is newer than they are. */
const ociVersion = '1.0.2';

/**
 * The runtime config of the profile `app` for an image (image-spec, conversion.md): what the image says, what the
 * caller changed, and our own choice where neither has a say: no new privileges, few or no capabilities, a list of
 * allowed system calls, a read-only tree, no network.
 *
 * @throws RuntimeError COMMAND_MISSING, ENVIRONMENT_INVALID, WORKING_DIR_INVALID, SIGNAL_UNKNOWN, USER_INVALID,
 *   USER_UNKNOWN, GROUP_UNKNOWN, LIMIT_INVALID, HOST_UNSUPPORTED
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
  return {
    ociVersion,
    process: processOf(image, options, user, context.limitsText),
    // Mounted read-only where it is: runtimes would mount it anew for that, without `nosuid` and `nodev`.
    root: { path: context.rootPath, readonly: false },
    hostname: context.hostname,
    mounts: [...kernelMounts, ...context.mounts],
    hooks: { poststop: context.poststop },
    annotations: annotationsOf(image),
    linux: {
      namespaces: namespacesOf(network),
      cgroupsPath: context.unitGroup ?? `/img-${context.id}`,
      resources: resourcesOf(options, context.unitGroup === undefined ? context.controllers : new Set()),
      // A process without capabilities may serve port 80: in a network of its own nobody is there to be cheated.
      sysctl: network === 'host' ? {} : { 'net.ipv4.ip_unprivileged_port_start': '0' },
      seccomp: appSeccomp(image.platform.architecture),
      maskedPaths,
      readonlyPaths,
    },
  };
}

function processOf(
  image: ImageConfig,
  options: RunOptions,
  user: ResolvedUser,
  limitsText: string,
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
    capabilities: appCapabilities(uid),
    rlimits: processLimits(limitsText),
    noNewPrivileges: true,
  };
}

function namespacesOf(network: 'none' | 'host'): readonly RuntimeNamespace[] {
  const own = ['pid', 'ipc', 'uts', 'mount', 'cgroup'] as const;
  return [...own.map((type) => ({ type })), ...(network === 'none' ? [{ type: 'network' as const }] : [])];
}
