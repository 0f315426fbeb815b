import type { RuntimeMount } from '@img/spec/runtime-config';

/** The kernel's file systems, as every container has them; all but /dev read-only or without programs. */
export const kernelMounts: readonly RuntimeMount[] = [
  mount('/proc', 'proc', 'proc', 'nosuid noexec nodev'),
  mount('/dev', 'tmpfs', 'tmpfs', 'nosuid noexec strictatime mode=755 size=64k'),
  mount('/dev/pts', 'devpts', 'devpts', 'nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5'),
  mount('/dev/shm', 'tmpfs', 'shm', 'nosuid noexec nodev mode=1777 size=64m'),
  mount('/dev/mqueue', 'mqueue', 'mqueue', 'nosuid noexec nodev'),
  mount('/sys', 'sysfs', 'sysfs', 'nosuid noexec nodev ro'),
  mount('/sys/fs/cgroup', 'cgroup', 'cgroup', 'nosuid noexec nodev relatime ro'),
];

/** Folders that an image needs for {@link kernelMounts}; the others are inside of these. */
export const kernelFolders: readonly string[] = ['/proc', '/dev', '/sys'];

function mount(destination: string, type: string, source: string, options: string): RuntimeMount {
  return { destination, type, source, options: options.split(' ') };
}
