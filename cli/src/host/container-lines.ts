import { constants } from 'node:os';
import type { ContainerDescription } from '@img/runtime/containers/describe-container';
import type { ContainerMount, ContainerSettings } from '@img/runtime/state/container-settings';
import { fact, facts } from '../output/facts.ts';
import { formatAge, formatBytes } from '../output/measure.ts';
import { bold, type Line, red } from '../output/text.ts';

/** A container as people read it: one fact a line. */
export function containerLines(container: ContainerDescription, now: Date): readonly Line[] {
  const { id, name, reference, digest, unit, process, settings, runtime } = container;
  return [
    fact('id', bold(id)),
    ...optional('name', name),
    fact('state', stateLine(container, now)),
    fact('image', reference),
    fact('digest', digest),
    ...trustLines(container),
    ...(process === undefined ? [] : processLines(process)),
    ...(settings === undefined ? [] : settingsLines(settings)),
    fact('runtime', runtime),
    ...optional('unit', unit),
    ...optional('process', container.pid?.toString()),
    ...optional('supervisor', container.supervisorPid?.toString()),
    ...optional('cgroup', container.controlGroup),
    ...optional('log', container.logFile),
  ];
}

/** A container as JSON. */
export function containerDocument(container: ContainerDescription) {
  const { id, name, state, reference, digest, signers, rule, profile, insecure, process, settings } =
    container;
  const { runtime, stopSignal, pid, supervisorPid, controlGroup, unit, logFile } = container;
  return {
    ...{ id, name: name ?? null, state, image: { reference, digest } },
    trust: { signers, rule: rule ?? null },
    ...{ profile, insecure },
    command: process?.args ?? null,
    environment: process?.env ?? null,
    user: process?.user ?? null,
    workingDir: process?.cwd ?? null,
    ...(settings === undefined ? { settings: null } : settingsDocument(settings)),
    ...{ runtime, stopSignal, pid: pid ?? null, supervisorPid: supervisorPid ?? null },
    ...{ controlGroup: controlGroup ?? null, unit: unit ?? null, logFile: logFile ?? null },
    isRemovedAtEnd: container.isRemovedAtEnd,
    started: container.started,
    ended: container.ended ?? null,
    exitCode: container.exitCode ?? null,
  };
}

function settingsDocument({ limits, health, ...settings }: ContainerSettings) {
  const { memoryBytes = null, cpus = null, pids = null } = limits;
  return { ...settings, limits: { memoryBytes, cpus, pids }, health: health ?? null };
}

function stateLine({ state, started, ended, exitCode }: ContainerDescription, now: Date): Line {
  const since = `${formatAge(new Date(started), now)} (${started})`;
  if (ended === undefined || exitCode === undefined) return `${state}, started ${since}`;
  const code = `exit code ${exitCode}${signalOf(exitCode)}`;
  const end = `, ended ${formatAge(new Date(ended), now)} (${ended}), started ${since}`;
  return [exitCode === 0 ? code : red(code), end];
}

// As a shell says it: 128 and the number of the signal.
function signalOf(exitCode: number): string {
  const name = Object.entries(constants.signals).find(([, number]) => number === exitCode - 128)?.[0];
  return name === undefined ? '' : ` (${name})`;
}

function trustLines({ signers, rule, profile, insecure }: ContainerDescription): readonly Line[] {
  return [
    ...(insecure.includes('signature')
      ? [fact('signed by', red('NOT VERIFIED'))]
      : [fact('signed by', `${signers.join(', ')}${rule === undefined ? '' : ` (${rule})`}`)]),
    fact('profile', profile),
    ...facts('insecure', insecure.map(red)),
  ];
}

function processLines({ args, env, cwd, user }: NonNullable<ContainerDescription['process']>) {
  return [
    fact('command', JSON.stringify(args)),
    fact('user', `${user.uid}:${user.gid}`),
    fact('folder', cwd),
    ...facts('variable', env),
  ];
}

function settingsLines({ limits, mounts, ...settings }: ContainerSettings): readonly Line[] {
  const { memoryBytes, cpus, pids } = limits;
  return [
    fact('host name', settings.hostname),
    fact('network', [settings.network, ...settings.addresses].join('  ')),
    ...facts('port', settings.ports),
    ...facts('mount', mounts.map(mountText)),
    ...facts('secret', settings.secrets),
    fact('tree', settings.isWritable ? 'writable, in memory' : 'read-only'),
    ...optional('memory', memoryBytes === undefined ? undefined : `${formatBytes(memoryBytes)} at most`),
    ...optional('processors', cpus === undefined ? undefined : `${cpus} at most`),
    ...optional('processes', pids === undefined ? undefined : `${pids} at most`),
    ...optional('health', settings.health),
  ];
}

function mountText({ destination, source, readOnly, sizeBytes = 0 }: ContainerMount): string {
  if (source === undefined) return `${destination}  ${formatBytes(sizeBytes)} of memory`;
  return `${destination}  ${source}${readOnly ? ', read-only' : ''}`;
}

function optional(title: string, value: string | undefined): readonly Line[] {
  return value === undefined ? [] : [fact(title, value)];
}
