import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Digest } from '@img/spec/digest';
import type { ImageConfig } from '@img/spec/image-config';
import { confinementOf } from '../config/confinement.ts';
import { generatedFiles } from '../config/generated-files.ts';
import { parseHostname } from '../config/hostname.ts';
import type { InsecureItem } from '../config/insecure-item.ts';
import { checkPorts, type PortMapping } from '../config/port-mapping.ts';
import type { RunOptions } from '../config/run-options.ts';
import { runtimeConfig } from '../config/runtime-config.ts';
import { parseStopSignal } from '../config/stop-signal.ts';
import { planStorage } from '../config/storage.ts';
import { parseWorkingDir } from '../config/working-dir.ts';
import { capabilities, hasCapability } from '../linux/capability.ts';
import { findProgram } from '../linux/find-program.ts';
import { hasChildren } from '../linux/has-children.ts';
import { hasFileStream } from '../linux/keep-owners.ts';
import { mountAttributes, mountFileSystem } from '../linux/mount-file-system.ts';
import { pageSize } from '../linux/page-size.ts';
import { enterPrivateMounts } from '../linux/private-mounts.ts';
import { type UserNamespace, userNamespace } from '../linux/user-namespace.ts';
import type { JoinedNetwork } from '../network/networks.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { ContainerName } from '../state/container-name.ts';
import type { ContainerRecord, RuntimeName, UnitMembership } from '../state/container-record.ts';
import { type ControlGroups, canMakeControlGroups, readControlGroups } from '../state/control-groups.ts';
import { limitFiles } from '../state/limit-files.ts';
import { identifyProcess } from '../state/process-identity.ts';
import type { RunState } from '../state/run-state.ts';
import type { Tree } from '../tree/tree.ts';
import { checkCaller } from './check-caller.ts';
import { checkUngrouped } from './check-ungrouped.ts';
import { type ChosenRuntime, chooseRuntime } from './choose-runtime.ts';
import { checkCommand } from './find-command.ts';
import { hideUnified } from './hide-unified.ts';
import { hostDevices } from './host-devices.ts';
import { checkPlatform, detailedHostPlatform } from './host-platform.ts';
import { readInside } from './inside-root.ts';
import { checkLauncher } from './launcher-table.ts';
import { mountRoot } from './mount-root.ts';
import { networkFiles } from './network-files.ts';
import { placeMounts } from './place-mounts.ts';
import { ownSecrets, placeSecrets } from './place-secrets.ts';
import { recordSettings } from './record-settings.ts';
import { selfCheck } from './self-check.ts';

export type LaunchRequest = {
  readonly image: ImageConfig;
  readonly tree: Tree;
  readonly options: RunOptions;
  /** Chosen by what the host has if not given. */
  readonly runtime?: RuntimeName;
  /** What the caller calls it; nothing if not given. */
  readonly name?: ContainerName;
  /** How to ask whether the app is healthy; nobody does unless it is given. */
  readonly health?: string;
  /** The unit of systemd that this process starts; none if not given. */
  readonly unit?: LaunchUnit;
  /** What is remembered of the container while it runs. */
  readonly receipt: {
    readonly reference: string;
    readonly digest: Digest;
    readonly signers: readonly string[];
    readonly rule?: string;
    readonly insecure: readonly InsecureItem[];
  };
};

/** A unit of systemd, whose limits and whose control group are those of the container. */
export type LaunchUnit = UnitMembership & {
  /** Of the container, the same at each start. */
  readonly id: string;
};

/** A launch that is recorded, and of which nothing else exists. */
export type PreparedLaunch = {
  readonly record: ContainerRecord;
  readonly runtime: ChosenRuntime;
  readonly controlGroups: ControlGroups;
  /** The user namespace, if it is not the host's and its users make no control groups. */
  readonly namespace?: UserNamespace;
};

const userFileBytes = 1024 * 1024;

/**
 * Checks what can be checked before, chooses the runtime, and records the container. Whoever calls it removes the
 * record if the launch then fails.
 *
 * @param detached as in the record
 * @throws RuntimeError as `launch`
 */
export function prepareLaunch(
  state: RunState,
  { image, options, receipt, name, unit, ...request }: LaunchRequest,
  detached?: ContainerRecord['detached'],
): PreparedLaunch {
  checkPlatform(image.platform, detailedHostPlatform());
  checkCaller(options, detached !== undefined);
  confinementOf(options);
  checkPorts(options.ports ?? [], options.network ?? 'none');
  const controlGroups = readControlGroups();
  const namespace = userNamespaceOf(controlGroups);
  if (namespace !== undefined) checkUngrouped(options, { isInUnit: unit !== undefined });
  const canRaiseLimits = hasCapability(capabilities.sysResource);
  // conmon has no children but the container, and no files but its own.
  const isAttached = detached === undefined;
  const host = {
    ...controlGroups,
    canRaiseLimits,
    hasChildren: isAttached && hasChildren(),
    hasFiles: isAttached && unit === undefined && hasForeignFiles(options, image),
  };
  const runtime = chooseRuntime(request.runtime, host, (program) =>
    findProgram(program, process.env['PATH']),
  );
  checkLauncher(runtime.name, {
    options,
    isDetached: detached !== undefined,
    isInUnit: unit !== undefined,
    isUser: namespace !== undefined,
  });
  const supervisor = identifyProcess(process.pid);
  if (supervisor === undefined) throw new RuntimeError('HOST_UNSUPPORTED', 'this host has no /proc');
  const record: ContainerRecord = {
    id: unit?.id ?? state.newId(),
    ...(name === undefined ? {} : { name }),
    ...receipt,
    profile: options.profile ?? 'app',
    runtime: runtime.name,
    stopSignal: parseStopSignal(image.config.stopSignal),
    supervisor,
    ...(detached === undefined ? {} : { detached }),
    ...(unit === undefined ? {} : { unit: { name: unit.name, controlGroup: unit.controlGroup } }),
    ...(namespace === undefined ? {} : { isUngrouped: true }),
    ...(options.network === 'bridge' ? { networkId: state.networks.newId() } : {}),
    started: new Date().toISOString(),
  };
  state.add(record);
  return { record, runtime, controlGroups, ...(namespace === undefined ? {} : { namespace }) };
}

/**
 * Mounts the tree where only this process sees it, and writes the bundle there, which becomes the current folder.
 *
 * @param addedFilters how many filters of system calls this process adds to its own before it becomes the runtime
 * @returns descriptors that must be open in some process as long as the app runs
 * @throws RuntimeError as `launch`
 */
export function makeBundle(
  state: RunState,
  { image, tree, options, health, unit }: LaunchRequest,
  { record, runtime, controlGroups, namespace }: PreparedLaunch,
  addedFilters = 0,
): readonly number[] {
  const { id } = record;
  const bundle = state.bundleFolder;
  const network = enterBundle(state, record, { ports: options.ports ?? [], isUser: namespace !== undefined });
  mkdirSync('tree');
  tree.mount(`${bundle}/tree`);
  const secrets = options.secrets ?? [];
  const asked = [...(options.mounts ?? []), ...placeSecrets(bundle, secrets)];
  const placed = placeMounts('tree', planStorage(image.config.volumes, asked));
  const hostname = parseHostname(options.hostname ?? id.slice(0, 12));
  const confinement = confinementOf(options);
  const mounts = mountRoot(bundle, {
    mounts: placed,
    files: generatedFiles(hostname, networkFiles(options.network ?? 'none', hostname, network)),
    workingDir: parseWorkingDir(options.workingDir ?? image.config.workingDir),
    confinement,
    runtime: runtime.name,
  });
  const sh = findProgram('sh') ?? '/bin/sh';
  const config = runtimeConfig(image, options, {
    id,
    hostname,
    rootPath: 'rootfs',
    users: {
      passwd: readInside('tree', '/etc/passwd', userFileBytes, 'USER_INVALID'),
      group: readInside('tree', '/etc/group', userFileBytes, 'USER_INVALID'),
    },
    mounts,
    ...(network === undefined ? {} : { networkNamespace: network.namespace }),
    devices: hostDevices(confinement.devices),
    controllers: controlGroups.controllers,
    ...(namespace === undefined ? {} : { userNamespace: namespace }),
    ...(unit === undefined ? {} : { unitGroup: unitGroup(unit, record) }),
    limitsText: readFileSync('/proc/self/limits', 'utf8'),
    poststop: [
      ...(network === undefined ? [] : [state.networks.releaseHook(network, sh)]),
      ...(record.detached === 'kept' ? [] : state.poststop(id, { sh, rm: findProgram('rm') ?? '/bin/rm' })),
    ],
  });
  checkCommand(
    'tree',
    config.process,
    mounts.map(({ destination }) => destination),
  );
  ownSecrets(secrets, config.process.user);
  writeFileSync(state.processFile(id), JSON.stringify(config.process), { mode: 0o600 });
  recordSettings(state, id, { config, placed, options, ...confinement, health, network });
  const check = selfCheck(config, {
    ...confinement,
    sh,
    root: `${bundle}/rootfs`,
    limits:
      unit === undefined
        ? limitFiles(config.linux.resources, controlGroups, config.linux.cgroupsPath ?? '', pageSize())
        : [],
    isThere: existsSync,
    folder: state.containerFolder(id),
    inheritedFilters: inheritedFilters(addedFilters),
    ...(record.detached === undefined ? { story: storyOf(runtime) } : {}),
  });
  writeFileSync('config.json', JSON.stringify({ ...config, hooks: { ...config.hooks, poststart: [check] } }));
  if (runtime.hidesUnified) hideUnified();
  return network?.descriptor === undefined ? [] : [network.descriptor];
}

function inheritedFilters(added: number): number | undefined {
  const own = /^Seccomp_filters:\t(\d+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return own === undefined ? undefined : Number(own) + added;
}

// The runtime takes the place of this process; who looks beside nspawn has the same standard error, and longer.
function storyOf({ name }: ChosenRuntime): string {
  return `/proc/${name === 'nspawn' ? 'self' : process.pid}/fd/2`;
}

// Root of a namespace in which control groups can be made is like any other.
function userNamespaceOf(controlGroups: ControlGroups): UserNamespace | undefined {
  return canMakeControlGroups(controlGroups) ? undefined : userNamespace();
}

// The container has a network before this process has mounts of its own: what ends it may run anywhere, so everybody must
// see the mount that keeps it. Users can mount nothing there; theirs ends by itself.
function enterBundle(
  state: RunState,
  { id, networkId }: ContainerRecord,
  { ports, isUser }: { readonly ports: readonly PortMapping[]; readonly isUser: boolean },
): JoinedNetwork | undefined {
  const { bundleFolder, networks } = state;
  const request = networkId === undefined ? undefined : { id: networkId, container: id, ports };
  const bridge = request === undefined || isUser ? undefined : networks.join(request);
  mountBundle(bundleFolder);
  return request !== undefined && isUser ? networks.joinAsUser(request, `${bundleFolder}/netns`) : bridge;
}

// Whose files they are does not matter to root; names of others are not looked up yet.
function hasForeignFiles({ user, isInteractive = false }: RunOptions, { config }: ImageConfig): boolean {
  const isRoot = /^(?:0|root)?(?::|$)/.test(user ?? config.user ?? '');
  return !isRoot && hasFileStream(isInteractive ? [0, 1, 2] : [1, 2]);
}

// A folder in memory that nobody else sees becomes the current one.
function mountBundle(bundle: string): void {
  enterPrivateMounts();
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
}

// crun leaves the container in the control group of the unit; runc makes one of its own below.
function unitGroup({ controlGroup }: LaunchUnit, { id, runtime }: ContainerRecord): string {
  return runtime === 'crun' ? controlGroup : `${controlGroup}/img-${id}`;
}
