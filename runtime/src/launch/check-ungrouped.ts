import type { RunOptions } from '../config/run-options.ts';
import { RuntimeError } from '../runtime-error.ts';

/**
 * Refuses what takes control groups of the host, which its users can't make, and for a unit a network of its own: what
 * connects that ends with the process that waits for the app, and for a unit nobody waits.
 *
 * @throws RuntimeError HOST_UNSUPPORTED, NETWORK_MISSING
 */
export function checkUngrouped(
  { memoryBytes, cpus, pids, network }: RunOptions,
  { isInUnit = false }: { readonly isInUnit?: boolean } = {},
): void {
  const limits = [
    ...(memoryBytes === undefined ? [] : ['memory']),
    ...(cpus === undefined ? [] : ['cpus']),
    ...(pids === undefined ? [] : ['pids']),
  ];
  if (limits.length > 0) {
    throw new RuntimeError(
      'HOST_UNSUPPORTED',
      `a limit on ${limits.join(' and ')} was asked for, which takes a control group, and only root can make one`,
      { hint: 'leave the limit out, or run the image as root' },
    );
  }
  if (network === 'bridge' && isInUnit) {
    throw new RuntimeError(
      'NETWORK_MISSING',
      'the network bridge of an app that systemd runs takes network interfaces of this host, and only root can make these',
      { hint: 'take --net host or --net none, or install the app as root' },
    );
  }
}
