import type { RuntimeMount } from '@img/spec/runtime-config';

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
