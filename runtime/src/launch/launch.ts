import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import type { Digest } from '@img/spec/digest';
import type { ImageConfig } from '@img/spec/image-config';
import type { RuntimeConfig } from '@img/spec/runtime-config';
import { generatedFiles } from '../config/generated-files.ts';
import { parseHostname } from '../config/hostname.ts';
import type { RunOptions } from '../config/run-options.ts';
import { runtimeConfig } from '../config/runtime-config.ts';
import { parseStopSignal } from '../config/stop-signal.ts';
import { planStorage } from '../config/storage.ts';
import { parseWorkingDir } from '../config/working-dir.ts';
import { capabilities, hasCapability } from '../linux/capability.ts';
import { findProgram } from '../linux/find-program.ts';
import { hasChildren } from '../linux/has-children.ts';
import { mountAttributes, mountFileSystem } from '../linux/mount-file-system.ts';
import { enterPrivateMounts } from '../linux/private-mounts.ts';
import { resetForExec } from '../linux/reset-for-exec.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { RuntimeName } from '../state/container-record.ts';
import { type ControlGroups, readControlGroups } from '../state/control-groups.ts';
import { identifyProcess } from '../state/process-identity.ts';
import type { RunState } from '../state/run-state.ts';
import type { Tree } from '../tree/tree.ts';
import { checkCaller } from './check-caller.ts';
import { type ChosenRuntime, chooseRuntime } from './choose-runtime.ts';
import { checkCommand } from './find-command.ts';
import { checkPlatform, detailedHostPlatform } from './host-platform.ts';
import { readInside } from './inside-root.ts';
import { mountRoot } from './mount-root.ts';
import { placeMounts } from './place-mounts.ts';

export type LaunchRequest = {
  readonly image: ImageConfig;
  readonly tree: Tree;
  readonly options: RunOptions;
  /** Chosen by what the host has if not given. */
  readonly runtime?: RuntimeName;
  /** What is remembered of the container while it runs. */
  readonly receipt: {
    readonly reference: string;
    readonly digest: Digest;
    readonly signers: readonly string[];
    readonly insecure: readonly string[];
  };
};

const userFileBytes = 1024 * 1024;

/**
 * Puts the app in the place of this process: mounts the tree where only this process sees it, and executes the runtime,
 * which stays in the foreground. Exit code and signals are the runtime's; nothing of ours stays in memory, and
 * with the process everything that it mounted is gone.
 *
 * Does not return. When it throws, nothing runs and nothing is left but this process's own mount namespace, so
 * the process should end.
 *
 * @throws RuntimeError ROOT_REQUIRED, RUNTIME_MISSING, HOST_UNSUPPORTED, PLATFORM_MISMATCH, TERMINAL_REQUIRED,
 *   COMMAND_NOT_FOUND, MOUNT_INVALID, SYSTEM_CALL_FAILED, and those of `runtimeConfig`
 */
export function launch(state: RunState, request: LaunchRequest): never {
  const { image, options, receipt } = request;
  checkPlatform(image.platform, detailedHostPlatform());
  checkCaller(options);
  const controlGroups = readControlGroups();
  const canRaiseLimits = hasCapability(capabilities.sysResource);
  const host = { ...controlGroups, canRaiseLimits, hasChildren: hasChildren() };
  const runtime = chooseRuntime(request.runtime, host, (name) => findProgram(name, process.env['PATH']));
  const supervisor = identifyProcess(process.pid);
  if (supervisor === undefined) throw new RuntimeError('HOST_UNSUPPORTED', 'this host has no /proc');
  const id = state.newId();
  state.add({
    id,
    ...receipt,
    runtime: runtime.name,
    stopSignal: parseStopSignal(image.config.stopSignal),
    supervisor,
    started: new Date().toISOString(),
  });
  try {
    enterPrivateMounts();
    const config = makeBundle(state, request, controlGroups, runtime, id);
    writeFileSync('config.json', JSON.stringify(config));
    if (runtime.hidesUnified) hideUnified();
    execute(state, runtime, options, id);
  } catch (error) {
    state.remove(id);
    throw error;
  }
}

function makeBundle(
  state: RunState,
  { image, tree, options }: LaunchRequest,
  { controllers }: ControlGroups,
  runtime: ChosenRuntime,
  id: string,
): RuntimeConfig {
  const bundle = state.bundleFolder;
  mountFileSystem({
    type: 'tmpfs',
    target: bundle,
    options: [
      ['source', 'img'],
      ['mode', '700'],
    ],
    attributes: mountAttributes.noSuid | mountAttributes.noDev,
  });
  process.chdir(bundle);
  mkdirSync('tree');
  tree.mount(`${bundle}/tree`);
  const placed = placeMounts('tree', planStorage(image.config.volumes, options.mounts ?? []));
  const hostname = parseHostname(options.hostname ?? id.slice(0, 12));
  const mounts = mountRoot(bundle, {
    mounts: placed,
    files: generatedFiles(hostname, options.network === 'host' ? readHostNetwork() : undefined),
    workingDir: parseWorkingDir(options.workingDir ?? image.config.workingDir),
    isWritable: options.isWritable ?? false,
    runtime: runtime.name,
  });
  const config = runtimeConfig(image, options, {
    id,
    hostname,
    rootPath: 'rootfs',
    users: {
      passwd: readInside('tree', '/etc/passwd', userFileBytes, 'USER_INVALID'),
      group: readInside('tree', '/etc/group', userFileBytes, 'USER_INVALID'),
    },
    mounts,
    controllers,
    limitsText: readFileSync('/proc/self/limits', 'utf8'),
    poststop: state.poststop(id, {
      sh: findProgram('sh') ?? '/bin/sh',
      rm: findProgram('rm') ?? '/bin/rm',
    }),
  });
  checkCommand(
    'tree',
    config.process,
    mounts.map(({ destination }) => destination),
  );
  return config;
}

function readHostNetwork(): {
  readonly hosts: Uint8Array | undefined;
  readonly resolvConf: Uint8Array | undefined;
} {
  const read = (path: string) => {
    try {
      return readFileSync(path);
    } catch {
      // A host without the file: the app gets what it would get there.
      return undefined;
    }
  };
  return { hosts: read('/etc/hosts'), resolvConf: read('/etc/resolv.conf') };
}

// Over the hierarchy, not instead of it: what crun makes there in spite of all goes with the namespace.
function hideUnified(): void {
  mountFileSystem({ type: 'tmpfs', target: '/sys/fs/cgroup/unified', options: [['source', 'img']] });
}

function execute(state: RunState, runtime: ChosenRuntime, options: RunOptions, id: string): never {
  const managers = runtime.name === 'crun' ? ['--cgroup-manager=cgroupfs'] : [];
  const args = [
    runtime.name,
    ...managers,
    '--root',
    state.runtimeRoot(runtime.name),
    'run',
    '--bundle',
    state.bundleFolder,
    '--pid-file',
    state.pidFile(id),
    id,
  ];
  if (options.isInteractive !== true && options.hasTerminal !== true) {
    // The lowest free number is given, so this becomes the standard input.
    closeSync(0);
    openSync('/dev/null', 'r');
  }
  resetForExec();
  const term = process.env['TERM'];
  process.execve?.(runtime.path, args, {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ...(term === undefined ? {} : { TERM: term }),
  });
  throw new RuntimeError('HOST_UNSUPPORTED', 'this Node has no process.execve', {
    hint: 'use Node 24 or later',
  });
}
