import type { AppDefinition, UpdatePolicy } from '@img/runtime/apps/app-definition';
import { parseSecret, type Secret } from '@img/runtime/config/secret';
import { parseBindMount } from '@img/runtime/config/storage';
import { formatReference, type Reference } from '@img/spec/reference';
import { type Command, Option } from 'commander';
import { parseArgument } from '../argument.ts';
import type { Session } from '../command.ts';
import { type AppLine, addAppOptions } from '../host/add-app-options.ts';
import { addConfinementOptions, type ConfinementLine } from '../host/add-confinement-options.ts';
import { addNetworkOptions, definedNetwork, type NetworkLine } from '../host/add-network-options.ts';
import { variableOf } from '../host/app-options.ts';
import { collectText, parseCount } from '../option-values.ts';

/** The options of `img install` that say what the app is. */
export type DefinitionLine = AppLine &
  ConfinementLine &
  NetworkLine & {
    readonly range?: string;
    readonly memory?: string;
    readonly cpus?: string;
    readonly pids?: number;
    readonly health?: string;
    readonly healthTimeout?: string;
    readonly restart?: 'always' | 'on-failure' | 'no';
    readonly schedule?: string;
    readonly socket?: readonly string[];
    readonly requires?: readonly string[];
    readonly notify?: boolean;
    readonly watchdog?: string;
    readonly manual?: boolean;
    readonly minAge?: string;
    readonly window?: string;
    readonly stable?: string;
  };

export function addDefinitionOptions(command: Command): void {
  const groups: { readonly [heading: string]: readonly Option[] } = {
    'Service:': [
      new Option(
        '--health <check>',
        'http://:PORT/PATH or tcp://:PORT in the network of the app, or a command in it',
      ),
      new Option('--health-timeout <time>', 'how long it may take to become healthy; 60s'),
      new Option('--restart <when>', 'whether it is started again').choices(['always', 'on-failure', 'no']),
      new Option('--requires <unit>', 'a unit that has to run before and with it').argParser(collectText),
      new Option('--socket <address>', 'systemd listens there for it: a port or a path').argParser(
        collectText,
      ),
      new Option('--notify', 'the app says when it is ready (sd_notify)'),
      new Option('--watchdog <time>', 'start it again after so long without a sign of life'),
      new Option('--schedule <when>', 'a job instead of a service: daily, Mon 04:00, …'),
    ],
    'Updates:': [
      new Option('--range <versions>', 'the newest of these, such as ^1.4, instead of what the tag means'),
      new Option('--manual', 'only by its name, never by img update --all'),
      new Option('--min-age <time>', 'not before this host has known an image for so long, such as 48h'),
      new Option('--window <hours>', 'only then, such as Sat,Sun 02:00-04:00'),
      new Option('--stable <time>', 'how long it must run without a fault to be kept; 60s'),
    ],
    'Host:': [
      new Option('-m, --memory <size>', 'most memory, such as 512m'),
      new Option('--cpus <count>', 'most processors, such as 1.5'),
      new Option('--pids <count>', 'most processes and threads').argParser(parseCount),
    ],
  };
  addAppOptions(command);
  addNetworkOptions(command, 'Host:');
  for (const [heading, options] of Object.entries(groups)) {
    for (const option of options) command.addOption(option.helpGroup(heading));
  }
  addConfinementOptions(command);
}

/** The app that somebody typed; checked when it is installed. @throws CliError USAGE */
export function typedDefinition(
  { environment }: Pick<Session, 'environment'>,
  reference: Reference,
  line: DefinitionLine,
  words: readonly string[],
): AppDefinition {
  const { env, volume, secret, socket, range, manual, minAge, window, stable } = line;
  const { workingFolder } = environment;
  const update: UpdatePolicy = {
    ...(manual === true ? { policy: 'manual' } : {}),
    ...defined({ minAge, window, stable }),
  };
  const { tmpfs, user, workdir, entrypoint, hostname, memory, cpus, pids, profile, insecure } = line;
  const writable = line.readOnly === true ? false : line.writable;
  const { health, healthTimeout, restart, schedule, requires, notify, watchdog } = line;
  return {
    image: formatReference(reference),
    ...defined({
      version: range,
      command: words.length === 0 ? undefined : words,
      environment: env?.flatMap((text) => variableOf(text, environment)),
      volumes: volume?.map((text) => absoluteVolume(text, workingFolder)),
      secrets: secret?.map((text) => absoluteSecret(text, workingFolder)),
      sockets: socket,
    }),
    ...definedNetwork(line),
    ...defined({
      tmpfs,
      user,
      workdir,
      entrypoint,
      hostname,
      writable,
      memory,
      cpus,
      pids,
      profile,
      insecure,
    }),
    ...defined({ health, healthTimeout, restart, schedule, requires, notify, watchdog }),
    ...(Object.keys(update).length === 0 ? {} : { update }),
  };
}

type Defined<T> = { readonly [key in keyof T]?: Exclude<T[key], undefined> };

function defined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
}

function absoluteVolume(text: string, folder: string): string {
  const { source, destination, readOnly } = parseArgument((typed) => parseBindMount(typed, folder), text);
  return `${source}:${destination}${readOnly ? ':ro' : ''}`;
}

// A name alone is found when the unit has its credentials.
function absoluteSecret(text: string, folder: string): string {
  if (!text.includes('=')) return text;
  const secret: Secret = parseArgument((typed) => parseSecret(typed, folder, undefined), text);
  return `${secret.name}=${secret.source}`;
}
