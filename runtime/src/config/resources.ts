import type { RuntimeDevice, RuntimeResources } from '@img/spec/runtime-config';
import { RuntimeError } from '../runtime-error.ts';

/** The kinds of limits that a host can set on a group of processes. */
export type Controller = 'cpu' | 'memory' | 'pids';

export type ResourceOptions = {
  readonly memoryBytes?: number;
  /** A part or a multiple of one processor. */
  readonly cpus?: number;
  /** Processes and threads together; the profile says if not given. */
  readonly pids?: number;
};

const cpuPeriodMicroseconds = 100_000;
// Below it the kernel refuses a quota.
const leastCpuQuotaMicroseconds = 1000;
// Less than any runtime itself needs until the app starts.
const leastMemoryBytes = 6 * 1024 * 1024;

/**
 * The limits of a container's control group. Devices are denied, except for those that every container has, and
 * those of the host that this one is given.
 *
 * @param controllers what the host has; a limit that was asked for and can't be set is refused
 * @param defaults what the profile says
 * @throws RuntimeError LIMIT_INVALID, HOST_UNSUPPORTED
 */
export function resourcesOf(
  { memoryBytes, cpus, pids }: ResourceOptions,
  controllers: ReadonlySet<Controller>,
  { pids: defaultPids, devices }: { readonly pids: number; readonly devices: readonly RuntimeDevice[] },
): RuntimeResources {
  if (memoryBytes !== undefined) {
    check('memory', memoryBytes, leastMemoryBytes, Number.isSafeInteger(memoryBytes), 'bytes');
    demand(controllers, 'memory');
  }
  if (cpus !== undefined) {
    check('cpus', cpus, leastCpuQuotaMicroseconds / cpuPeriodMicroseconds, cpus <= 4096, 'processors');
    demand(controllers, 'cpu');
  }
  if (pids !== undefined) {
    check('pids', pids, 1, Number.isSafeInteger(pids), 'processes');
    demand(controllers, 'pids');
  }
  return {
    devices: [
      { allow: false, access: 'rwm' },
      ...devices.map(({ type, major, minor }) => ({ allow: true, type, major, minor, access: 'rwm' })),
    ],
    ...(memoryBytes === undefined ? {} : { memory: { limit: memoryBytes } }),
    ...(cpus === undefined
      ? {}
      : { cpu: { quota: Math.round(cpus * cpuPeriodMicroseconds), period: cpuPeriodMicroseconds } }),
    ...(controllers.has('pids') ? { pids: { limit: pids ?? defaultPids } } : {}),
  };
}

function check(name: string, value: number, least: number, isValid: boolean, unit: string): void {
  if (isValid && value >= least) return;
  throw new RuntimeError('LIMIT_INVALID', `limit ${name}=${value} should be at least ${least} ${unit}`);
}

function demand(controllers: ReadonlySet<Controller>, controller: Controller): void {
  if (controllers.has(controller)) return;
  throw new RuntimeError(
    'HOST_UNSUPPORTED',
    `a limit on ${controller} was asked for, but this host has no control group for it`,
    { hint: 'leave the limit out, or enable the controller in the kernel' },
  );
}
