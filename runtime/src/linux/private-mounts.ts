import { mount, mountFlags } from './mount.ts';
import { systemCall } from './system-call.ts';

const newMountNamespace = 0x00020000;

const unshare = systemCall('unshare', ['int']);

/**
 * Gives this thread a mount namespace of its own: what it mounts from now on nobody else sees, and it vanishes
 * with the process. Later mounts and unmounts of the host still show in it, so that it never keeps a device
 * of the host busy.
 *
 * Node's thread pool stays in the old namespace: from here on only synchronous file calls see the mounts.
 * Needs root (CAP_SYS_ADMIN).
 */
export function enterPrivateMounts(): void {
  unshare(newMountNamespace);
  mount({ target: '/', flags: mountFlags.recursive | mountFlags.slave });
}
