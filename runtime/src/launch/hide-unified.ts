import { mountFileSystem } from '../linux/mount-file-system.ts';

/**
 * Hides the unified hierarchy of control groups from what this process starts; only in a private mount namespace.
 *
 * Over the hierarchy, not instead of it: what crun makes there in spite of all goes with the namespace.
 */
export function hideUnified(): void {
  mountFileSystem({ type: 'tmpfs', target: '/sys/fs/cgroup/unified', options: [['source', 'img']] });
}
