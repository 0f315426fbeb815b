import type { AppDefinition } from '../apps/app-definition.ts';
import { appId } from '../apps/app-id.ts';
import { unitLimits } from '../apps/app-options.ts';
import { parseSeconds } from '../apps/duration.ts';
import { givenDevices } from '../config/insecure-item.ts';
import { parseBindMount } from '../config/storage.ts';
import type { ContainerName } from '../state/container-name.ts';
import type { RuntimeName } from '../state/container-record.ts';
import { plainValue, quoteWord } from './quote-word.ts';

/** What the units of an app depend on besides its definition. */
export type UnitContext = {
  readonly name: ContainerName;
  /** The words that start this program, all absolute, with the options that lead to the same folders. */
  readonly program: readonly string[];
  readonly runtime: RuntimeName;
  /** The words that remove what a runtime remembers of the app's container, all absolute. */
  readonly forget: readonly string[];
  /** Where the number of the container's first process is written. */
  readonly pidFile: string;
  /** The folder of what is stored. */
  readonly store: string;
  /** Whether the tree of its image is mounted by loop devices; not unless given. */
  readonly hasLoopDevices?: boolean;
  /** The number of the signal that ends the app. */
  readonly stopSignal: number;
};

/** How long a start may take beside becoming healthy: checks, and at worst hashing all layers anew. */
const startSeconds = 120;
const stopSeconds = 10;
/** How long an app may take to become healthy if nobody says. */
export const healthSeconds = 60;

// What mounts the tree needs them; nothing that an app sees has them.
const loopDevices: readonly string[] = ['/dev/loop-control rw', 'block-loop r'];

const header = '# Written by img. Changes are kept in drop-ins: systemctl edit';

/** Names of the units of an app. */
export function unitNames(name: ContainerName) {
  return { service: `img-${name}.service`, socket: `img-${name}.socket`, timer: `img-${name}.timer` };
}

/**
 * The unit of an app. The container's own first process is the main process of the unit, in whose control group it is:
 * limits, restarts, watchdog and output are systemd's, and nothing of ours stays in memory.
 */
export function serviceUnit(definition: AppDefinition, context: UnitContext): string {
  const { name, program, runtime, forget, pidFile, stopSignal, hasLoopDevices = false } = context;
  const { schedule, notify = false, watchdog, restart = 'always' } = definition;
  const isJob = schedule !== undefined;
  const devices = [
    ...(hasLoopDevices ? loopDevices : []),
    ...givenDevices(definition.insecure ?? []).map((path) => `${path} rw`),
  ];
  const timeout =
    parseSeconds(definition.healthTimeout ?? `${healthSeconds}s`, 'health timeout') + startSeconds;
  const { memoryBytes, cpuPercent, pids } = unitLimits(definition);
  const start = [...program, 'start', '--in-unit', name].map(quoteWord).join(' ');
  const kind = isJob ? ['Type=oneshot'] : serviceType(notify, pidFile, watchdog);
  return unitText(unitNames(name).service, [
    [
      'Unit',
      [
        `Description=${plainValue(definition.image)}, run by img`,
        ...unitDependencies(definition, context),
        // What fails again and again is started again and again, more slowly than it can do harm.
        'StartLimitIntervalSec=0',
      ],
    ],
    [
      'Service',
      [
        ...kind,
        `ExecStart=${start}`,
        `ExecStopPost=-${[...forget, appId(name)].map(quoteWord).join(' ')}`,
        `TimeoutStartSec=${isJob ? 'infinity' : `${timeout}s`}`,
        `TimeoutStopSec=${stopSeconds}s`,
        'KillMode=mixed',
        `KillSignal=${stopSignal}`,
        ...(isJob ? [] : [`Restart=${restart}`, 'RestartSec=2s']),
        `SyslogIdentifier=${plainValue(name)}`,
        'Delegate=yes',
        // runc itself allows devices, one of them for a moment more than an app may have.
        ...(runtime === 'crun'
          ? ['DevicePolicy=closed', ...devices.map((device) => `DeviceAllow=${device}`)]
          : []),
        ...(memoryBytes === undefined ? [] : [`MemoryMax=${memoryBytes}`]),
        ...(cpuPercent === undefined ? [] : [`CPUQuota=${cpuPercent}%`]),
        `TasksMax=${pids}`,
      ],
    ],
    ...(isJob ? [] : [['Install', ['WantedBy=multi-user.target']] as const]),
  ]);
}

function serviceType(notify: boolean, pidFile: string, watchdog: string | undefined): readonly string[] {
  if (!notify) return ['Type=forking', `PIDFile=${pidFile}`];
  const seconds = watchdog === undefined ? [] : [`WatchdogSec=${parseSeconds(watchdog, 'watchdog')}s`];
  return ['Type=notify', 'NotifyAccess=all', ...seconds];
}

function unitDependencies(
  { network, volumes = [], requires = [], sockets }: AppDefinition,
  { name, store }: UnitContext,
): readonly string[] {
  const isOnline = network === 'host' || network === 'bridge';
  const after = [...(isOnline ? ['network-online.target'] : []), ...requires];
  const needed = [...requires, ...(sockets === undefined ? [] : [unitNames(name).socket])];
  const folders = [store, ...volumes.map((text) => parseBindMount(text, '/').source)];
  return [
    ...(isOnline ? ['Wants=network-online.target'] : []),
    ...(needed.length === 0 ? [] : [`Requires=${needed.join(' ')}`]),
    ...(after.length === 0 ? [] : [`After=${after.join(' ')}`]),
    `RequiresMountsFor=${folders.map(quoteWord).join(' ')}`,
  ];
}

/** The unit that listens for an app; undefined for one without sockets. */
export function socketUnit({ sockets }: AppDefinition, name: ContainerName): string | undefined {
  if (sockets === undefined || sockets.length === 0) return undefined;
  const { socket } = unitNames(name);
  return unitText(socket, [
    ['Unit', [`Description=sockets of ${name}`]],
    ['Socket', sockets.map((address) => `ListenStream=${address}`)],
    ['Install', ['WantedBy=sockets.target']],
  ]);
}

/** The unit that says when a job is run; undefined for what is no job. */
export function timerUnit({ schedule }: AppDefinition, name: ContainerName): string | undefined {
  if (schedule === undefined) return undefined;
  return unitText(unitNames(name).timer, [
    ['Unit', [`Description=when ${name} is run`]],
    ['Timer', [`OnCalendar=${schedule}`, 'Persistent=true']],
    ['Install', ['WantedBy=timers.target']],
  ]);
}

/** A unit file of the sections. */
export function unitText(
  name: string,
  sections: readonly (readonly [title: string, lines: readonly string[]])[],
): string {
  const parts = sections.map(([title, lines]) => `\n[${title}]\n${lines.join('\n')}\n`);
  return `${header} ${name}\n${parts.join('')}`;
}
