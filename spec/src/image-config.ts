import { type Digest, parseDigest } from './digest.ts';
import { type JsonObject, parseJson } from './json.ts';
import { JsonFields } from './json-fields.ts';
import { limits } from './limits.ts';
import { type Platform, platformFrom } from './platform.ts';
import { quote } from './quote.ts';
import { SpecError } from './spec-error.ts';

/** How an image's process is started (image-spec, config.md#properties, `config`). */
export type ExecutionConfig = {
  /** `user`, `uid`, `user:group` or `uid:gid`; empty for the default. */
  readonly user: string;
  readonly exposedPorts: readonly string[];
  /** `NAME=value` each. */
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly volumes: readonly string[];
  readonly workingDir: string;
  readonly labels: { readonly [key: string]: string };
  readonly stopSignal: string | undefined;
  readonly healthcheck: Healthcheck | undefined;
};

/** Docker's HEALTHCHECK; reserved in OCI, but present in many images. Times are nanoseconds. */
export type Healthcheck = {
  readonly test: readonly string[];
  readonly interval: number | undefined;
  readonly timeout: number | undefined;
  readonly startPeriod: number | undefined;
  readonly retries: number | undefined;
};

export type HistoryEntry = {
  readonly created: string | undefined;
  readonly createdBy: string | undefined;
  readonly author: string | undefined;
  readonly comment: string | undefined;
  readonly emptyLayer: boolean;
};

/** What an image is made of and how it runs (image-spec, config.md). */
export type ImageConfig = {
  readonly platform: Platform;
  readonly created: string | undefined;
  readonly author: string | undefined;
  readonly config: ExecutionConfig;
  /** Digests of the uncompressed layers, lowest first. */
  readonly diffIds: readonly Digest[];
  readonly history: readonly HistoryEntry[];
};

const maxEntries = 4096;
const maxValueCharacters = 1024 * 1024;

const executionKeys = [
  'User',
  'ExposedPorts',
  'Env',
  'Entrypoint',
  'Cmd',
  'Volumes',
  'WorkingDir',
  'Labels',
  'StopSignal',
  'Healthcheck',
];

/**
 * Parses an image config. Unknown keys are ignored, as the specification demands.
 *
 * @throws SpecError CONFIG_INVALID, JSON_*
 */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const value = parseJson(bytes, { maxBytes: limits.imageConfigBytes });
  const fields = new JsonFields(value, 'config', 'CONFIG_INVALID');
  fields.noOtherCase(['os', 'architecture', 'variant', 'config', 'rootfs', 'created', 'author', 'history']);
  const rootfs = fields.object('rootfs');
  rootfs.noOtherCase(['type', 'diff_ids']);
  if (rootfs.string('type') !== 'layers') {
    throw new SpecError(
      'CONFIG_INVALID',
      `config.rootfs.type should be "layers", not ${quote(rootfs.string('type'))}`,
    );
  }
  return {
    platform: platformFrom(fields),
    created: fields.optionalTimestamp('created'),
    author: fields.optionalString('author'),
    config: executionFrom(
      fields.optionalObject('config') ?? new JsonFields({}, 'config.config', 'CONFIG_INVALID'),
    ),
    diffIds: (rootfs.optionalStrings('diff_ids', limits.layers) ?? []).map(diffIdFrom),
    history: (fields.optionalArray('history', maxEntries) ?? []).map((entry, index) => {
      return historyFrom(new JsonFields(entry, `config.history[${index}]`, 'CONFIG_INVALID'));
    }),
  };
}

/** The bytes of a config of ours: a fixed order of keys, empty values left out. */
export function encodeImageConfig(image: ImageConfig): Uint8Array {
  const { platform, created, author, config, diffIds, history } = image;
  return new TextEncoder().encode(
    JSON.stringify({
      ...optional('created', created),
      ...optional('author', author),
      architecture: platform.architecture,
      os: platform.os,
      ...optional('variant', platform.variant),
      ...optional('os.version', platform.osVersion),
      ...nonEmpty('os.features', platform.osFeatures ?? []),
      config: executionJson(config),
      rootfs: { type: 'layers', diff_ids: diffIds },
      ...(history.length === 0 ? {} : { history: history.map(historyJson) }),
    }),
  );
}

function executionFrom(fields: JsonFields): ExecutionConfig {
  fields.noOtherCase(executionKeys);
  const strings = (key: string) => fields.optionalStrings(key, maxEntries, maxValueCharacters) ?? [];
  const health = fields.optionalObject('Healthcheck');
  return {
    user: fields.optionalString('User') ?? '',
    exposedPorts: fields.optionalKeySet('ExposedPorts') ?? [],
    env: strings('Env'),
    entrypoint: strings('Entrypoint'),
    cmd: strings('Cmd'),
    volumes: fields.optionalKeySet('Volumes') ?? [],
    workingDir: fields.optionalString('WorkingDir') ?? '',
    labels: fields.optionalStringMap('Labels') ?? {},
    stopSignal: fields.optionalString('StopSignal') || undefined,
    healthcheck: health === undefined ? undefined : healthcheckFrom(health),
  };
}

function healthcheckFrom(fields: JsonFields): Healthcheck {
  return {
    test: fields.optionalStrings('Test', maxEntries) ?? [],
    interval: fields.optionalInteger('Interval', 0),
    timeout: fields.optionalInteger('Timeout', 0),
    startPeriod: fields.optionalInteger('StartPeriod', 0),
    retries: fields.optionalInteger('Retries', 0),
  };
}

function historyFrom(fields: JsonFields): HistoryEntry {
  return {
    created: fields.optionalTimestamp('created'),
    createdBy: fields.optionalString('created_by', maxValueCharacters),
    author: fields.optionalString('author'),
    comment: fields.optionalString('comment', maxValueCharacters),
    emptyLayer: fields.optionalBoolean('empty_layer') ?? false,
  };
}

function diffIdFrom(text: string): Digest {
  try {
    return parseDigest(text);
  } catch (cause) {
    throw new SpecError('CONFIG_INVALID', `config.rootfs.diff_ids: ${(cause as Error).message}`, { cause });
  }
}

function executionJson(config: ExecutionConfig): JsonObject {
  const health = config.healthcheck;
  return {
    ...optional('User', config.user || undefined),
    ...(config.exposedPorts.length === 0 ? {} : { ExposedPorts: emptyObjects(config.exposedPorts) }),
    ...nonEmpty('Env', config.env),
    ...nonEmpty('Entrypoint', config.entrypoint),
    ...nonEmpty('Cmd', config.cmd),
    ...(config.volumes.length === 0 ? {} : { Volumes: emptyObjects(config.volumes) }),
    ...optional('WorkingDir', config.workingDir || undefined),
    ...(Object.keys(config.labels).length === 0 ? {} : { Labels: Object.fromEntries(sorted(config.labels)) }),
    ...optional('StopSignal', config.stopSignal),
    ...(health === undefined
      ? {}
      : {
          Healthcheck: {
            Test: health.test,
            ...optional('Interval', health.interval),
            ...optional('Timeout', health.timeout),
            ...optional('StartPeriod', health.startPeriod),
            ...optional('Retries', health.retries),
          },
        }),
  };
}

function historyJson(entry: HistoryEntry): JsonObject {
  return {
    ...optional('created', entry.created),
    ...optional('created_by', entry.createdBy),
    ...optional('author', entry.author),
    ...optional('comment', entry.comment),
    ...(entry.emptyLayer ? { empty_layer: true } : {}),
  };
}

function emptyObjects(keys: readonly string[]): JsonObject {
  return Object.fromEntries(keys.toSorted().map((key) => [key, {}]));
}

function sorted(map: { readonly [key: string]: string }): [string, string][] {
  return Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));
}

function nonEmpty(key: string, values: readonly string[]): JsonObject {
  return values.length === 0 ? {} : { [key]: values };
}

function optional(key: string, value: string | number | undefined): JsonObject {
  return value === undefined ? {} : { [key]: value };
}
