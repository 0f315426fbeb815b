import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeConfig } from '@img/spec/runtime-config';
import { argumentFilter } from '../config/argument-filter.ts';
import type { RunOptions } from '../config/run-options.ts';
import { filterSystemCalls } from '../linux/filter-system-calls.ts';
import { mountFileSystem } from '../linux/mount-file-system.ts';
import { enterNetworkNamespace } from '../linux/network-namespace.ts';
import { pageSize } from '../linux/page-size.ts';
import { RuntimeError } from '../runtime-error.ts';
import { controlGroupOf } from '../state/container-record.ts';
import { makeControlGroup } from '../state/make-control-group.ts';
import type { RunState } from '../state/run-state.ts';
import { executeRuntime } from './execute-runtime.ts';
import { checkNspawnMounts } from './launcher-table.ts';
import { nspawnOrders } from './nspawn-arguments.ts';
import { mountNspawnRoot } from './nspawn-root.ts';
import type { PreparedLaunch } from './prepare-launch.ts';
import { watchNspawn } from './watch-nspawn.ts';

const nspawnFolder = '/run/systemd/nspawn';

/**
 * Puts systemd-nspawn in the place of this process, with the bundle in the current folder. It makes namespaces, drops
 * rights and filters system calls; control group, network and mounts are made here before, because it makes them otherwise or
 * not at all. Does not return.
 *
 * @throws RuntimeError HOST_UNSUPPORTED, MOUNT_INVALID, RUNTIME_FAILED, RUNTIME_LACKS, SYSTEM_CALL_FAILED
 */
export function launchNspawn(
  state: RunState,
  { record, runtime, controlGroups }: PreparedLaunch,
  options: RunOptions,
): never {
  const { id, stopSignal } = record;
  const config = JSON.parse(readFileSync('config.json', 'utf8')) as RuntimeConfig;
  const { linux, mounts, hooks = {} } = config;
  checkNspawnMounts(mounts, state.bundleFolder);
  checkProcesses();
  const orders = nspawnOrders(config, {
    id,
    bundle: state.bundleFolder,
    stopSignal,
    isUnified: controlGroups.mode === 'v2',
    isThere: existsSync,
  });
  const group = controlGroupOf(record);
  // Before this process is in any place of the container.
  const kept = watchNspawn(
    state,
    id,
    hooks,
    controlGroups.roots.map((root) => join(root, group)),
  );
  const { resources } = linux;
  makeControlGroup(controlGroups, group, { resources, pageBytes: pageSize(), pid: process.pid });
  if (options.network !== 'host') enterNetworkNamespace();
  for (const [name, value] of Object.entries(linux.sysctl)) {
    writeFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, value);
  }
  mountNspawnRoot(config, controlGroups, group);
  hideFromNspawn();
  writeFileSync('config.json', JSON.stringify(orders.bundle));
  const filter = linux.seccomp === undefined ? undefined : argumentFilter(linux.seccomp);
  if (filter !== undefined) filterSystemCalls(filter);
  executeRuntime(
    { name: 'systemd-nspawn', path: runtime.path },
    orders.words,
    options,
    [kept],
    orders.variables,
  );
}

// It keeps locks there, which stay if it is killed; and it gives a container the devices of tunnels if the host has them.
function hideFromNspawn(): void {
  mkdirSync(nspawnFolder, { recursive: true });
  for (const target of [nspawnFolder, '/dev/net']) {
    if (existsSync(target)) mountFileSystem({ type: 'tmpfs', target, options: [['source', 'img']] });
  }
}

function checkProcesses(): void {
  if (existsSync('/proc/thread-self/children')) return;
  throw new RuntimeError('HOST_UNSUPPORTED', 'the kernel does not say which process nspawn has started', {
    hint: 'take crun or runc, or enable CONFIG_PROC_CHILDREN in the kernel',
  });
}
