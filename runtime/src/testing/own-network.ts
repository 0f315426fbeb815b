import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { needsFile, needsRoot, needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import type { ExecutionContext } from 'ava';
import { unmount } from '../linux/mount.ts';
import { makeNetworkNamespace } from '../linux/network-namespace.ts';
import { systemCall } from '../linux/system-call.ts';

const unshare = systemCall('unshare', ['int']);
const newNetworkNamespace = 0x4000_0000;

/** Whether this machine has what the network bridge needs; if not, the test says so. */
export function canBridge(t: ExecutionContext): boolean {
  return (
    needsRoot(t) &&
    needsTool(t, 'iptables') &&
    needsTool(t, 'ip') &&
    needsFile(t, '/usr/lib/cni/portmap', 'containernetworking-plugins')
  );
}

/**
 * Gives this process a network in which nothing is but its own loopback, so that tests change nothing of the machine's.
 * What it starts from now on is there, too. A process that had one before leaves it.
 */
export function enterOwnNetwork(): void {
  unshare(newNetworkNamespace);
  ip('link', 'set', 'lo', 'up');
}

/** Another machine on the network of this process, which has 192.0.2.1 there; the other one has 192.0.2.2. */
export type Neighbour = {
  /** The words before a command line that run it there. */
  readonly there: readonly string[];
};

export const ownLanAddress = '192.0.2.1';
export const neighbourAddress = '192.0.2.2';

export function addNeighbour(t: ExecutionContext): Neighbour {
  const path = join(temporaryFolder(t), 'netns');
  makeNetworkNamespace(path);
  t.teardown(() => unmount(path));
  ip('link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'lan1', 'netns', path);
  ip('addr', 'add', `${ownLanAddress}/24`, 'dev', 'lan0');
  ip('link', 'set', 'lan0', 'up');
  const there = ['nsenter', `--net=${path}`];
  for (const words of [`addr add ${neighbourAddress}/24 dev lan1`, 'link set lan1 up']) {
    execFileSync('nsenter', [`--net=${path}`, 'ip', ...words.split(' ')]);
  }
  return { there };
}

/**
 * Nothing of a container is left in the network of this process: no chain or rule of its own, and no interface, as soon
 * as the kernel has ended it. It does that in its own time where the last process of a network namespace was killed.
 */
export async function assertNetworkClean(t: ExecutionContext): Promise<void> {
  const rules = execFileSync('iptables-save', { encoding: 'utf8' });
  // The chains that all containers share stay, as the bridge does.
  t.notRegex(rules, /CNI-DN-|CNI-[0-9a-f]{8}|id: |10\.9[01]\./);
  while (/veth/.test(ip('-o', 'link'))) await delay(20);
}

/** What a process has as its network. */
export function networkNamespaceOf(pid: number | 'self'): string {
  return readlinkSync(`/proc/${pid}/ns/net`);
}

/** Whether a mount keeps anything of a folder. */
export function hasMountsBelow(folder: string): boolean {
  return readFileSync('/proc/self/mountinfo', 'utf8').includes(folder);
}

function ip(...words: readonly string[]): string {
  return execFileSync('ip', words, { encoding: 'utf8' });
}
