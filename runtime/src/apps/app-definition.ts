import { formatReference, parseReference, type Reference } from '@img/spec/reference';
import { parseByteSize } from '../config/byte-size.ts';
import { confinementOf } from '../config/confinement.ts';
import type { InsecureItem } from '../config/insecure-item.ts';
import { checkPorts, parsePortMapping } from '../config/port-mapping.ts';
import type { ProfileName } from '../config/profile.ts';
import type { Network } from '../config/run-options.ts';
import { parseBindMount, parseScratchMount } from '../config/storage.ts';
import { RuntimeError } from '../runtime-error.ts';
import { parseMaintenanceWindow } from '../updates/maintenance-window.ts';
import { parseVersionRange } from '../updates/version-range.ts';
import { parseSeconds } from './duration.ts';
import { parseHealthCheck } from './health-check.ts';

/**
 * An installed app, as somebody has written it down: texts that are read again at every start. Two definitions are
 * the same if their JSON is.
 */
export type AppDefinition = {
  /** In full, with the tag whose image is run, or a digest if it never changes. */
  readonly image: string;
  /** Which versions an update may choose, such as `^1.4`, instead of following the tag. */
  readonly version?: string;
  readonly command?: readonly string[];
  readonly entrypoint?: string;
  /** `NAME=value` each. */
  readonly environment?: readonly string[];
  /** `SOURCE:DESTINATION[:ro]` each, with absolute sources. */
  readonly volumes?: readonly string[];
  readonly tmpfs?: readonly string[];
  /** `NAME=FILE` each, or the name of a credential of the unit. */
  readonly secrets?: readonly string[];
  readonly network?: Network;
  /** `[ADDRESS:]HOST:CONTAINER[/udp]` each, in the network `bridge`. */
  readonly ports?: readonly string[];
  readonly user?: string;
  readonly workdir?: string;
  readonly hostname?: string;
  readonly writable?: boolean;
  readonly memory?: string;
  /** A number such as `1.5`. */
  readonly cpus?: string;
  readonly pids?: number;
  readonly profile?: ProfileName;
  readonly insecure?: readonly InsecureItem[];
  /** `http://:8080/healthz`, `tcp://:5432` or a command in the container. */
  readonly health?: string;
  /** How long it may take to become healthy, such as `30s`. */
  readonly healthTimeout?: string;
  readonly restart?: 'always' | 'on-failure' | 'no';
  /** When a job is run, as systemd.time(7) writes it; it is no service then. */
  readonly schedule?: string;
  /** What systemd listens on for the app, as `ListenStream=` has it. */
  readonly sockets?: readonly string[];
  /** Units after which it starts and without which it does not run. */
  readonly requires?: readonly string[];
  /** Whether the app says itself when it is ready (sd_notify). */
  readonly notify?: boolean;
  /** After how long without a sign of life it is started again, such as `30s`; needs `notify`. */
  readonly watchdog?: string;
  readonly update?: UpdatePolicy;
};

export type UpdatePolicy = {
  /** `manual`: only when its name is given; `auto` unless given. */
  readonly policy?: 'auto' | 'manual';
  /** How long this host must have known an image before it takes it, such as `48h`. */
  readonly minAge?: string;
  /** When it may be updated, such as `Sat,Sun 02:00-04:00`; always unless given. */
  readonly window?: string;
  /** How long a new image must run without a fault to be kept; `60s` unless given. */
  readonly stable?: string;
};

// What starts an app is measured with it, and needs this much for a moment.
const leastMemoryBytes = 128 * 1024 * 1024;
const leastPids = 32;
const unitName = /^[A-Za-z0-9:_.\\@-]{1,240}\.(?:service|socket|target|mount|path|slice|device)$/;
const socketAddress = /^(?:\/[^\s%$"'\\]{1,100}|\d{1,5}|[0-9A-Fa-f.:[\]]{3,60}:\d{1,5})$/;

/**
 * Checks everything that can be checked without the image.
 *
 * @returns the reference of its image
 * @throws RuntimeError APP_INVALID, MOUNT_INVALID, LIMIT_INVALID, PROFILE_REFUSED; SpecError for the image
 */
export function checkDefinition(definition: AppDefinition): Reference {
  const { image, version, memory, cpus, pids, update = {} } = definition;
  const reference = parseImage(image);
  if (version !== undefined) parseVersionRange(version);
  if (version !== undefined && reference.digest !== undefined) {
    throw invalid(`${image} names one image for ever, so it has no versions to choose from`);
  }
  confinementOf(confinementOptions(definition));
  for (const text of definition.volumes ?? []) parseBindMount(text, '/');
  for (const text of definition.tmpfs ?? []) parseScratchMount(text);
  if (memory !== undefined && parseByteSize(memory, 'memory') < leastMemoryBytes) {
    throw invalid(`memory ${memory} is less than the 128m that starting an installed app takes`);
  }
  if (pids !== undefined && pids < leastPids) {
    throw invalid(`pids ${pids} is less than the ${leastPids} that starting an installed app takes`);
  }
  if (cpus !== undefined && !(/^\d{1,4}(?:\.\d{1,3})?$/.test(cpus) && Number(cpus) >= 0.01)) {
    throw invalid(`cpus ${JSON.stringify(cpus)} should be a number such as 1.5`);
  }
  checkPorts((definition.ports ?? []).map(parsePortMapping), definition.network ?? 'none');
  if (definition.health !== undefined) parseHealthCheck(definition.health);
  if (definition.healthTimeout !== undefined) parseSeconds(definition.healthTimeout, 'health timeout');
  if (update.minAge !== undefined) parseSeconds(update.minAge, 'least age');
  if (update.stable !== undefined) parseSeconds(update.stable, 'stability window');
  if (update.window !== undefined) parseMaintenanceWindow(update.window);
  checkUnitParts(definition);
  return reference;
}

/** What a definition says of how its app is kept apart from the host. */
export function confinementOptions({
  profile,
  insecure,
  network,
  writable,
  pids,
}: AppDefinition): Parameters<typeof confinementOf>[0] {
  return {
    ...(profile === undefined ? {} : { profile }),
    ...(insecure === undefined ? {} : { insecure }),
    ...(network === undefined ? {} : { network }),
    ...(writable === undefined ? {} : { isWritable: writable }),
    ...(pids === undefined ? {} : { pids }),
  };
}

/** The reference of a definition's image, which is written in full. */
export function parseImage(image: string): Reference {
  const reference = parseReference(image, { default: parseNoDefault(image), aliases: new Map() });
  if (formatReference(reference) === image) return reference;
  throw invalid(`image ${image} should be in full, with its registry`);
}

function parseNoDefault(image: string): Reference['registry'] {
  // Only compared with: a name that needed it is refused.
  return image.slice(0, image.indexOf('/')) as Reference['registry'];
}

function checkUnitParts({ schedule, sockets, requires, notify, watchdog, restart }: AppDefinition): void {
  if (watchdog !== undefined) parseSeconds(watchdog, 'watchdog');
  if (watchdog !== undefined && notify !== true) throw invalid('a watchdog needs an app that notifies');
  if (schedule !== undefined) {
    if (!/^[\w*,.:/~ -]{1,200}$/.test(schedule))
      throw invalid(`schedule ${JSON.stringify(schedule)} is none`);
    if (notify === true || sockets !== undefined || restart === 'always') {
      throw invalid('a job with a schedule has no sockets, notifies nobody and is not started again');
    }
  }
  for (const socket of sockets ?? []) {
    if (!socketAddress.test(socket)) {
      throw invalid(`socket ${JSON.stringify(socket)} should be a path, a port, or an address with a port`);
    }
  }
  for (const unit of requires ?? []) {
    if (!unitName.test(unit)) throw invalid(`${JSON.stringify(unit)} is no name of a unit`);
  }
}

function invalid(message: string): RuntimeError {
  return new RuntimeError('APP_INVALID', message);
}
