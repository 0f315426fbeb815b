import type { RuntimeMount } from '@img/spec/runtime-config';
import { isAtOrBelow } from './inside-path.ts';

/**
 * The kernel's file systems, as every container has them; all but /dev read-only or without programs.
 *
 * @param hasWritableSys whether settings of the kernel in /sys can be changed
 */
export function kernelMounts(hasWritableSys: boolean): readonly RuntimeMount[] {
  return [
    ...fixed,
    mount('/sys', 'sysfs', 'sysfs', `nosuid noexec nodev ${hasWritableSys ? 'rw' : 'ro'}`),
    controlGroups,
  ];
}

// What apps look at in the host's own /sys. Nothing else is mounted below, as it is in other places there.
const shownOfSys: readonly string[] = ['/sys/block', '/sys/bus', '/sys/class', '/sys/devices'];

/**
 * The same for an app in a user namespace, which has no control group. The kernel shows it a /sys of its own only with a
 * network of its own; with the host's it gets what apps look at of the host's, because the whole has control groups.
 */
export function userKernelMounts(hasHostNetwork: boolean): readonly RuntimeMount[] {
  if (!hasHostNetwork) return [...fixed, mount('/sys', 'sysfs', 'sysfs', 'nosuid noexec nodev ro')];
  return [
    ...fixed,
    mount('/sys', 'tmpfs', 'tmpfs', 'nosuid noexec nodev ro mode=755 size=64k'),
    ...shownOfSys.map((path) => mount(path, 'bind', path, 'bind rprivate nosuid noexec nodev ro')),
  ];
}

/** Whether an app with {@link userKernelMounts} in the network of the host has a path of the kernel. */
export function isShownOfSys(path: string): boolean {
  return !isAtOrBelow(path, '/sys') || shownOfSys.some((folder) => isAtOrBelow(path, folder));
}

const fixed: readonly RuntimeMount[] = [
  mount('/proc', 'proc', 'proc', 'nosuid noexec nodev'),
  mount('/dev', 'tmpfs', 'tmpfs', 'nosuid noexec strictatime mode=755 size=64k'),
  mount('/dev/pts', 'devpts', 'devpts', 'nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5'),
  mount('/dev/shm', 'tmpfs', 'shm', 'nosuid noexec nodev mode=1777 size=64m'),
  mount('/dev/mqueue', 'mqueue', 'mqueue', 'nosuid noexec nodev'),
];

const controlGroups = mount('/sys/fs/cgroup', 'cgroup', 'cgroup', 'nosuid noexec nodev relatime ro');

/** Folders that an image needs for {@link kernelMounts}; the others are inside of these. */
export const kernelFolders: readonly string[] = ['/proc', '/dev', '/sys'];

function mount(destination: string, type: string, source: string, options: string): RuntimeMount {
  return { destination, type, source, options: options.split(' ') };
}
