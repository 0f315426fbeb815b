import { spawnSync } from 'node:child_process';
import { printable } from '@img/spec/printable';
import { findProgram } from '../linux/find-program.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { NetworkList } from './network-list.ts';
import { pluginPath } from './release-script.ts';

// As the plugin calls it.
const defaultBridge = 'cni0';

/**
 * Keeps what listens on the loopback of the host apart from the containers on a bridge. To publish ports for the host
 * alone, the plugin portmap lets the kernel take packets for 127.0.0.1 that come from the bridge, which a container that
 * was given NET_ADMIN could send. The rule stays as long as the bridge, for all containers.
 *
 * @throws RuntimeError NETWORK_FAILED
 */
export function guardLoopback({ plugins }: NetworkList): void {
  const config = plugins.find(({ type }) => type === 'bridge')?.config;
  if (config === undefined || !plugins.some(({ takesPorts }) => takesPorts)) return;
  const bridge = typeof config['bridge'] === 'string' ? config['bridge'] : defaultBridge;
  // Before connections are tracked: the answers to what the host has sent have another destination still.
  const rule = ['PREROUTING', '-i', bridge, '-d', '127.0.0.0/8', '-j', 'DROP'];
  if (iptables('-C', rule).status === 0) return;
  const { status, stderr, error } = iptables('-A', rule);
  if (status === 0) return;
  throw new RuntimeError(
    'NETWORK_FAILED',
    `the loopback of this host can't be guarded: ${printable((error?.message ?? stderr).trim())}`,
  );
}

function iptables(verb: '-A' | '-C', rule: readonly string[]) {
  const program = findProgram('iptables') ?? 'iptables';
  return spawnSync(program, ['-w', '-t', 'raw', verb, ...rule], {
    cwd: '/',
    env: { PATH: pluginPath },
    encoding: 'utf8',
  });
}
