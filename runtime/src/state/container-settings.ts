import { readFileSync } from 'node:fs';
import { parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';

/** How a container was set up: what its image and its caller came to together. For people who look at it. */
export type ContainerSettings = {
  readonly hostname: string;
  readonly network: string;
  /** Of its own in that network. */
  readonly addresses: readonly string[];
  /** Published, as they are typed. */
  readonly ports: readonly string[];
  /** Parents before children; without those of the kernel's file systems and of secrets. */
  readonly mounts: readonly ContainerMount[];
  /** Names; what they say is known to nobody but the app. */
  readonly secrets: readonly string[];
  readonly isWritable: boolean;
  readonly hasTerminal: boolean;
  readonly isInteractive: boolean;
  /** None for a container of a unit, which has them. */
  readonly limits: ContainerLimits;
  /** How to ask whether it is healthy, as its caller wrote it; undefined if nobody said. */
  readonly health?: string;
};

export type ContainerMount = {
  readonly destination: string;
  /** On the host; undefined for a folder in memory. */
  readonly source?: string;
  readonly readOnly: boolean;
  /** Of a folder in memory. */
  readonly sizeBytes?: number;
};

export type ContainerLimits = {
  readonly memoryBytes?: number;
  readonly cpus?: number;
  readonly pids?: number;
};

const maxBytes = 1024 * 1024;
const maxItems = 1024;

export function encodeContainerSettings(settings: ContainerSettings): string {
  return `${JSON.stringify(settings, undefined, 2)}\n`;
}

/**
 * @param path of the file
 * @returns undefined if there is none: the container is still being made, or is gone
 * @throws RuntimeError STATE_INVALID
 */
export function readContainerSettings(path: string): ContainerSettings | undefined {
  try {
    return settingsFrom(
      new JsonFields(parseJson(readFileSync(path), { maxBytes }), 'settings', 'CONFIG_INVALID'),
    );
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new RuntimeError(
      'STATE_INVALID',
      `${quote(path)} does not say how a container was set up: ${(cause as Error).message}`,
      { cause },
    );
  }
}

function settingsFrom(fields: JsonFields): ContainerSettings {
  const health = fields.optionalString('health');
  const limits = fields.object('limits');
  return {
    hostname: fields.string('hostname'),
    network: fields.string('network'),
    addresses: fields.optionalStrings('addresses', maxItems) ?? [],
    ports: fields.optionalStrings('ports', maxItems) ?? [],
    mounts: fields
      .array('mounts', maxItems)
      .map((mount) => mountFrom(new JsonFields(mount, 'mount', 'CONFIG_INVALID'))),
    secrets: fields.optionalStrings('secrets', maxItems) ?? [],
    isWritable: fields.optionalBoolean('isWritable') ?? false,
    hasTerminal: fields.optionalBoolean('hasTerminal') ?? false,
    isInteractive: fields.optionalBoolean('isInteractive') ?? false,
    limits: limitsFrom(limits),
    ...(health === undefined ? {} : { health }),
  };
}

function mountFrom(fields: JsonFields): ContainerMount {
  const source = fields.optionalString('source');
  const sizeBytes = fields.optionalInteger('sizeBytes', 0);
  return {
    destination: fields.string('destination'),
    ...(source === undefined ? {} : { source }),
    readOnly: fields.optionalBoolean('readOnly') ?? false,
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
  };
}

function limitsFrom(fields: JsonFields): ContainerLimits {
  const memoryBytes = fields.optionalInteger('memoryBytes', 0);
  const cpus = fields.value('cpus');
  const pids = fields.optionalInteger('pids', 0);
  return {
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(typeof cpus === 'number' ? { cpus } : {}),
    ...(pids === undefined ? {} : { pids }),
  };
}
