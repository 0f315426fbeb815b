import { existsSync, readFileSync } from 'node:fs';
import type { Digest } from '@img/spec/digest';
import type { RuntimeProcess } from '@img/spec/runtime-config';
import type { InsecureItem } from '../config/insecure-item.ts';
import type { ProfileName } from '../config/profile.ts';
import { type Container, isEnded } from '../state/container.ts';
import { controlGroupOf, type RuntimeName } from '../state/container-record.ts';
import { type ContainerSettings, readContainerSettings } from '../state/container-settings.ts';
import type { RunState } from '../state/run-state.ts';

/** Everything that a host knows of a container. Undefined is what does not apply, or is not known yet. */
export type ContainerDescription = {
  readonly id: string;
  readonly name: string | undefined;
  readonly state: 'starting' | 'running' | 'ended';
  /** As its caller wrote it, in full. */
  readonly reference: string;
  readonly digest: Digest;
  readonly signers: readonly string[];
  readonly rule: string | undefined;
  readonly profile: ProfileName;
  readonly insecure: readonly InsecureItem[];
  readonly process: Pick<RuntimeProcess, 'args' | 'env' | 'cwd' | 'user'> | undefined;
  readonly settings: ContainerSettings | undefined;
  readonly runtime: RuntimeName;
  readonly stopSignal: number;
  /** Its first process, as the host numbers it. */
  readonly pid: number | undefined;
  /** The process that it lives and ends with. */
  readonly supervisorPid: number | undefined;
  /** Below the root of each hierarchy; undefined also if it has none of its own. */
  readonly controlGroup: string | undefined;
  readonly unit: string | undefined;
  /** Where what it has written is; undefined if somebody else has it. */
  readonly logFile: string | undefined;
  /** Whether it is removed as soon as it ends. */
  readonly isRemovedAtEnd: boolean;
  /** RFC 3339. */
  readonly started: string;
  readonly ended: string | undefined;
  readonly exitCode: number | undefined;
};

/** @throws RuntimeError STATE_INVALID */
export function describeContainer(state: RunState, container: Container): ContainerDescription {
  const { id, name, reference, digest, signers, rule, profile, insecure, runtime, stopSignal } = container;
  const { detached, unit, isUngrouped } = container;
  const end = isEnded(container) ? container : undefined;
  const pid = isEnded(container) ? undefined : container.pid;
  const logFile = state.logFile(id);
  return {
    ...{ id, name, reference, digest, signers, rule, profile, insecure, runtime, stopSignal, pid },
    state: end !== undefined ? 'ended' : pid === undefined ? 'starting' : 'running',
    process: readAppProcess(state, id),
    settings: readContainerSettings(state.settingsFile(id)),
    supervisorPid: end === undefined ? container.supervisor.pid : undefined,
    controlGroup: end === undefined && isUngrouped !== true ? controlGroupOf(container) : undefined,
    unit: unit?.name,
    logFile: detached !== undefined && existsSync(logFile) ? logFile : undefined,
    isRemovedAtEnd: detached !== 'kept',
    started: container.started,
    ended: end?.ended,
    exitCode: end?.exitCode,
  };
}

/** How the app of a container was started; undefined as long as it is being made. */
export function readAppProcess(state: RunState, id: string): RuntimeProcess | undefined {
  try {
    return JSON.parse(readFileSync(state.processFile(id), 'utf8')) as RuntimeProcess;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
