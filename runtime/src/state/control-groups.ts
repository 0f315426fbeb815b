import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Controller } from '../config/resources.ts';
import { RuntimeError } from '../runtime-error.ts';
import { killProcess } from './kill-processes.ts';

/** How a host presents control groups (cgroups(7)). */
export type ControlGroups = {
  /** `v1`: one hierarchy per controller; `hybrid`: these and the unified one beside them; `v2`: the unified one only. */
  readonly mode: 'v1' | 'v2' | 'hybrid' | 'none';
  /** Whether the unified hierarchy of a hybrid host holds controllers, which crun refuses. */
  readonly isUnifiedInUse: boolean;
  readonly controllers: ReadonlySet<Controller>;
  /** Where the host mounts its control groups. */
  readonly root: string;
  /** The root folder of every hierarchy. */
  readonly roots: readonly string[];
};

/** Whether this process may make control groups at the top, where those of containers are. */
export function canMakeControlGroups({ roots }: Pick<ControlGroups, 'roots'>): boolean {
  const [root] = roots;
  if (root === undefined) return false;
  try {
    accessSync(root, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

// include/uapi/linux/magic.h
const cgroup2Magic = 0x6367_7270;
// About 3 s.
const maxAttempts = 85;
const known: readonly Controller[] = ['cpu', 'memory', 'pids'];

/** @param root where the host mounts its control groups */
export function readControlGroups(root = '/sys/fs/cgroup'): ControlGroups {
  if (isUnified(root)) {
    return { mode: 'v2', root, isUnifiedInUse: true, controllers: controllersOf(root), roots: [root] };
  }
  const hierarchies = existsSync(root)
    ? readdirSync(root, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => join(root, name))
        .filter((path) => existsSync(join(path, 'cgroup.procs')))
    : [];
  if (hierarchies.length === 0) {
    return { mode: 'none', root, isUnifiedInUse: false, controllers: new Set(), roots: [] };
  }
  const unified = join(root, 'unified');
  const isHybrid = hierarchies.includes(unified) && isUnified(unified);
  return {
    mode: isHybrid ? 'hybrid' : 'v1',
    root,
    isUnifiedInUse: isHybrid && readFileSync(join(unified, 'cgroup.controllers'), 'utf8').trim() !== '',
    // Two controllers in one hierarchy have links of their own names to it.
    controllers: new Set(known.filter((name) => existsSync(join(root, name, 'cgroup.procs')))),
    roots: hierarchies,
  };
}

/**
 * Ends every process in the control groups of that name and removes the groups. The name must be one that nobody
 * else uses: it is what tells which processes are meant.
 *
 * @throws RuntimeError CONTAINER_STUCK if a process can't be ended
 */
export async function killControlGroup(
  { roots }: Pick<ControlGroups, 'roots'>,
  name: string,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  const groups = roots.map((root) => join(root, name)).filter((path) => existsSync(path));
  for (let attempt = 0; groups.length > 0; attempt += 1) {
    const pids = [...new Set(groups.flatMap(killMembers))];
    if (pids.length === 0 && groups.every(removeGroup)) return;
    if (attempt === maxAttempts) {
      throw new RuntimeError(
        'CONTAINER_STUCK',
        `the processes of ${name} can't be ended: ${pids.join(', ') || 'the kernel still counts one'}`,
        {
          hint: 'they wait for a device or a file system, and end with it or with the next boot',
        },
      );
    }
    // The kernel ends them in its own time, and nothing tells when.
    await delay(Math.min(attempt, 50), undefined, signal === undefined ? {} : { signal });
  }
}

/** The processes in the control groups of that name, and in those inside, by ascending number. */
export function controlGroupMembers(
  { roots }: Pick<ControlGroups, 'roots'>,
  name: string,
): readonly number[] {
  const collect = (group: string): readonly number[] => [
    ...membersOf(group),
    ...childGroups(group).flatMap(collect),
  ];
  return [...new Set(roots.flatMap((root) => collect(join(root, name))))].sort((a, b) => a - b);
}

// A process may start another one between reading and killing, so the caller repeats until nobody is left.
function killMembers(group: string): readonly number[] {
  const pids = [...membersOf(group), ...childGroups(group).flatMap(killMembers)];
  if (pids.length > 0) {
    try {
      // Linux 5.14, unified hierarchy: all at once.
      writeFileSync(join(group, 'cgroup.kill'), '1', { flag: 'r+' });
    } catch {
      for (const pid of membersOf(group)) killProcess(pid);
    }
  }
  return pids;
}

function membersOf(group: string): readonly number[] {
  try {
    const text = readFileSync(join(group, 'cgroup.procs'), 'utf8');
    // 0 stands for a process of another pid namespace, which has no number here.
    return text
      .split('\n')
      .filter((line) => /^[1-9]\d*$/.test(line))
      .map(Number);
  } catch {
    return [];
  }
}

// False while the kernel still counts a process that has just ended.
function removeGroup(group: string): boolean {
  if (!childGroups(group).every(removeGroup)) return false;
  try {
    rmdirSync(group);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EBUSY') return false;
    if (code !== 'ENOENT') throw error;
  }
  return true;
}

function childGroups(group: string): readonly string[] {
  try {
    return readdirSync(group, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(group, name));
  } catch {
    return [];
  }
}

function isUnified(path: string): boolean {
  return existsSync(path) && statfsSync(path).type === cgroup2Magic;
}

function controllersOf(root: string): ReadonlySet<Controller> {
  const names = readFileSync(join(root, 'cgroup.controllers'), 'utf8').trim().split(' ');
  return new Set(known.filter((name) => names.includes(name)));
}
