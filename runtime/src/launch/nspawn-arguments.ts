import { quote } from '@img/spec/quote';
import type { RuntimeConfig, Seccomp } from '@img/spec/runtime-config';
import { RuntimeError } from '../runtime-error.ts';

/** What nspawn is told of a container, in its three ways. */
export type NspawnOrders = {
  readonly words: readonly string[];
  readonly variables: { readonly [name: string]: string };
  /** config.json of the bundle. */
  readonly bundle: unknown;
};

// The version of the specification that nspawn knows; it refuses all others.
const ociVersion = '1.0.0';

// The groups of calls that nspawn allows by itself (systemd.exec(5), SystemCallFilter=), the last four with capabilities.
const allowedGroups: readonly string[] = [
  ...'@aio @basic-io @chown @default @file-system @io-event @ipc @mount @network-io @process'.split(' '),
  ...'@resources @setuid @signal @sync @timer @clock @module @raw-io @memlock'.split(' '),
];
// Told apart by their arguments by another filter, which is there before.
const filteredCalls: readonly string[] = ['clone', 'clone3', 'personality', 'socket'];

/**
 * The orders for nspawn that make the container of a config whose other mounts are there already. Numbers of users it
 * takes only from a bundle, of whose elements it ignores or refuses many; these it gets as words and variables.
 *
 * @param isThere whether the kernel has a file
 * @throws RuntimeError RUNTIME_LACKS for a variable whose name nspawn refuses
 */
export function nspawnOrders(
  { process, hostname, linux }: RuntimeConfig,
  {
    id,
    bundle,
    stopSignal,
    isUnified,
    isThere,
  }: {
    readonly id: string;
    /** The folder. */
    readonly bundle: string;
    readonly stopSignal: number;
    /** Whether the host has the unified hierarchy of control groups only. */
    readonly isUnified: boolean;
    readonly isThere: (path: string) => boolean;
  },
): NspawnOrders {
  const { user, args, env, cwd, capabilities, rlimits, noNewPrivileges } = process;
  checkVariables(env);
  const inProc = (path: string) => path.startsWith('/proc/') && isThere(path);
  return {
    words: [
      ...['--quiet', '--register=no', '--keep-unit', '--link-journal=no', '--timezone=off'],
      ...['--resolv-conf=off', '--console=pipe', `--machine=img-${id}`, `--oci-bundle=${bundle}`],
      `--no-new-privileges=${noNewPrivileges ? 'yes' : 'no'}`,
      `--kill-signal=${stopSignal}`,
      ...linux.maskedPaths.filter(inProc).map((path) => `--inaccessible=${path}`),
      ...linux.readonlyPaths.filter(inProc).map((path) => `--bind-ro=${path}`),
      ...(linux.seccomp === undefined ? [] : filterWords(linux.seccomp)),
    ],
    variables: {
      // What it hides by itself is less than what the config says.
      SYSTEMD_NSPAWN_API_VFS_WRITABLE: '1',
      // It says at each stop that it stops.
      SYSTEMD_LOG_LEVEL: 'warning',
      ...(isUnified ? { SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1' } : {}),
      ...(linux.seccomp === undefined ? { SYSTEMD_SECCOMP: '0' } : {}),
    },
    bundle: {
      ociVersion,
      process: { terminal: false, user, args, env, cwd, capabilities, rlimits },
      root: { path: 'rootfs' },
      hostname,
      linux: {
        namespaces: linux.namespaces.filter(({ type }) => type !== 'network').map(({ type }) => ({ type })),
      },
    },
  };
}

// Nothing of what nspawn allows by itself, and what the config allows; it refuses the others as unknown.
function filterWords({ syscalls }: Seccomp): readonly string[] {
  const names = (action: string) =>
    syscalls.flatMap((rule) => (rule.action === action && rule.args === undefined ? rule.names : []));
  const allowed = [...names('SCMP_ACT_ALLOW'), ...filteredCalls];
  const denied = [...allowedGroups, ...names('SCMP_ACT_ERRNO')];
  return [`--system-call-filter=~${denied.join(' ')}`, `--system-call-filter=${allowed.join(' ')}`];
}

function checkVariables(env: readonly string[]): void {
  const other = env.find((variable) => !/^[A-Za-z_]\w*=/.test(variable));
  if (other === undefined) return;
  throw new RuntimeError(
    'RUNTIME_LACKS',
    `nspawn can't give an app the variable ${quote(other.slice(0, Math.max(0, other.indexOf('='))))}: its name has other characters than A-Z, a-z, 0-9 and _`,
    { hint: 'take crun or runc, or have the image set another one' },
  );
}
