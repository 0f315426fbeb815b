import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { userNamespaceObstacle } from '../launch/user-namespace.ts';
import { capabilities, hasCapability } from '../linux/capability.ts';
import { type ControlGroups, readControlGroups } from '../state/control-groups.ts';
import type { MountMethod } from '../tree/image-tree.ts';
import { tryMount } from '../tree/try-mount.ts';
import { examinePrograms } from './examine-programs.ts';
import { userFinding, userGroupFinding } from './examine-user.ts';
import type { Finding } from './finding.ts';

/** What the kernel says of itself. */
export type KernelFacts = {
  /** As `uname -r` prints it. */
  readonly release: string;
  /** How it mounts trees; undefined if it doesn't. */
  readonly treeMethod: MountMethod | undefined;
  /** /proc/filesystems */
  readonly fileSystems: string;
  /** /proc/sys/kernel/seccomp/actions_avail; empty if there is none. */
  readonly seccompActions: string;
};

/**
 * Finds out what this host can do, and how to get what it lacks. Changes nothing.
 *
 * @param path the PATH in which programs are looked for first
 */
export async function examineHost(path: string | undefined): Promise<readonly Finding[]> {
  const isRoot = process.geteuid?.() === 0;
  const kernel = {
    release: release(),
    treeMethod: tryMount(),
    fileSystems: readText('/proc/filesystems'),
    seccompActions: readText('/proc/sys/kernel/seccomp/actions_avail'),
  };
  return [
    isRoot ? { subject: 'user', verdict: 'good', text: 'root' } : userFinding(userNamespaceObstacle()),
    ...kernelFindings(kernel),
    isRoot ? controlGroupFinding(readControlGroups()) : userGroupFinding,
    limitsFinding(hasCapability(capabilities.sysResource)),
    ...(await examinePrograms(path)),
  ];
}

export function kernelFindings(kernel: KernelFacts): readonly Finding[] {
  const has = (name: string) => new RegExp(`\\t${name}$`, 'm').test(kernel.fileSystems);
  const filters = kernel.seccompActions.trim() !== '';
  return [
    treeFinding(kernel, has('erofs')),
    has('overlay')
      ? { subject: 'overlay', verdict: 'good', text: 'can be mounted' }
      : {
          subject: 'overlay',
          verdict: 'missing',
          text: 'the kernel has no overlay file system',
          hint: 'load it with modprobe overlay, or enable CONFIG_OVERLAY_FS',
        },
    filters
      ? { subject: 'seccomp', verdict: 'good', text: 'system calls can be filtered' }
      : {
          subject: 'seccomp',
          verdict: 'missing',
          text: 'the kernel can not filter system calls',
          hint: 'enable CONFIG_SECCOMP_FILTER in the kernel',
        },
  ];
}

function treeFinding({ release: kernel, treeMethod }: KernelFacts, hasErofs: boolean): Finding {
  const subject = 'image trees';
  if (treeMethod === 'erofs')
    return { subject, verdict: 'good', text: `mounted from files by kernel ${kernel}` };
  const hint =
    'Linux 6.12 or later with CONFIG_EROFS_FS_BACKED_BY_FILE mounts them from files, which is faster';
  if (treeMethod === 'loop') {
    const text = `mounted by loop devices, because kernel ${kernel} mounts no files without`;
    return { subject, verdict: 'limited', text, hint };
  }
  return {
    subject,
    verdict: 'limited',
    text: `unpacked into folders, because kernel ${kernel} ${hasErofs ? 'mounts none for this user' : 'has no erofs loaded'}`,
    hint: hasErofs ? `${hint}; from 6.4 on, root needs loop devices for it` : 'load it with modprobe erofs',
  };
}

export function controlGroupFinding({
  mode,
  controllers,
}: Pick<ControlGroups, 'mode' | 'controllers'>): Finding {
  const subject = 'control groups';
  if (mode === 'none') {
    return {
      subject,
      verdict: 'missing',
      text: 'none are mounted at /sys/fs/cgroup',
      hint: 'inside of a container, start that with its control groups writable',
    };
  }
  const lacking = (['cpu', 'memory', 'pids'] as const).filter((name) => !controllers.has(name));
  if (lacking.length === 0) return { subject, verdict: 'good', text: `${mode}, with cpu, memory and pids` };
  return {
    subject,
    verdict: 'limited',
    text: `${mode}, without ${lacking.join(' and ')}, so no limit on that can be set`,
    hint: 'enable the controller in the kernel or on its command line, for example cgroup_enable=memory',
  };
}

function limitsFinding(canRaiseLimits: boolean): Finding {
  const subject = 'limits';
  if (canRaiseLimits) return { subject, verdict: 'good', text: 'can be raised' };
  return {
    subject,
    verdict: 'limited',
    text: 'can not be raised above those of this process (no CAP_SYS_RESOURCE)',
    hint: 'start img with that capability, or with higher limits',
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
