import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import module from 'node:module';
import { userInfo } from 'node:os';
import { printable } from '@img/spec/printable';
import { findProgram } from '../linux/find-program.ts';
import { resetForExec } from '../linux/reset-for-exec.ts';
import { namespaceVariable } from '../linux/user-namespace.ts';
import { RuntimeError } from '../runtime-error.ts';

/** What a process is begun anew with. */
export type NamespaceRequest = {
  /** The program and its arguments. */
  readonly command: readonly [program: string, ...words: string[]];
  readonly variables: { readonly [name: string]: string | undefined };
};

// util-linux 2.38: root is the user, and all others are the user's subordinate ids (subuid(5)), which newuidmap gives.
const newNamespace = ['--user', '--map-root-user', '--map-auto', '--'];

/**
 * Begins this process anew as root of a user namespace of its own: root inside is the user outside, with no right on
 * the host that the user has not. Does not return.
 *
 * @throws RuntimeError RUNTIME_MISSING, HOST_UNSUPPORTED
 */
export function enterUserNamespace({ command, variables }: NamespaceRequest): never {
  execute('unshare', [...newNamespace, ...command], variables);
}

/**
 * The same in the user namespace of a process of this user. Does not return.
 *
 * @throws RuntimeError RUNTIME_MISSING, HOST_UNSUPPORTED
 */
export function joinUserNamespace(pid: number, { command, variables }: NamespaceRequest): never {
  execute('nsenter', [`--user=/proc/${pid}/ns/user`, '--', ...command], variables);
}

/** Why this user can't have a user namespace with subordinate ids; undefined for one who can. Tries it. */
export function userNamespaceObstacle(): RuntimeError | undefined {
  try {
    const unshare = programPath('unshare');
    for (const name of ['newuidmap', 'newgidmap']) programPath(name);
    const { status, stderr } = spawnSync(unshare, [...newNamespace, 'true'], { encoding: 'utf8' });
    return status === 0 ? undefined : refused(stderr ?? '');
  } catch (error) {
    if (error instanceof RuntimeError) return error;
    throw error;
  }
}

function refused(said: string): RuntimeError {
  const user = userName();
  if (!['/etc/subuid', '/etc/subgid'].every((path) => hasRange(path, user))) {
    return new RuntimeError(
      'SUBORDINATE_IDS_MISSING',
      `${user} has no subordinate ids on this host, which the users of an image are given`,
      {
        hint: `root gives some, for example with: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${user}`,
      },
    );
  }
  return new RuntimeError(
    'USER_NAMESPACE_FAILED',
    `no user namespace could be made for ${user}: ${printable(said.trim()) || 'unshare did not say why'}`,
    {
      hint:
        'root may have to allow it: see /proc/sys/user/max_user_namespaces, kernel.unprivileged_userns_clone and ' +
        'kernel.apparmor_restrict_unprivileged_userns',
    },
  );
}

function hasRange(path: string, user: string): boolean {
  try {
    const names = readFileSync(path, 'utf8')
      .split('\n')
      .map((line) => line.split(':')[0]);
    return names.includes(user) || names.includes(String(process.getuid?.()));
  } catch {
    return false;
  }
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A number without an account, which newuidmap refuses.
    return String(process.getuid?.());
  }
}

function programPath(name: string): string {
  const path = findProgram(name, process.env['PATH']);
  if (path !== undefined) return path;
  throw new RuntimeError(
    'RUNTIME_MISSING',
    `${name} is not installed, without which only root can run images`,
    {
      hint: `install it, on Debian with: apt-get install ${name.startsWith('new') ? 'uidmap' : 'util-linux'}`,
    },
  );
}

function execute(
  name: 'nsenter' | 'unshare',
  words: readonly string[],
  variables: NamespaceRequest['variables'],
): never {
  const path = programPath(name);
  const given = Object.entries(variables).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as const],
  );
  module.flushCompileCache();
  resetForExec();
  process.execve?.(path, [name, ...words], { ...Object.fromEntries(given), [namespaceVariable]: '1' });
  throw new RuntimeError('HOST_UNSUPPORTED', 'this Node has no process.execve', {
    hint: 'use Node 24 or later',
  });
}
