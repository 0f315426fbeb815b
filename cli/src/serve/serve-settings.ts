import { dirname, resolve } from 'node:path';
import { BuilderError } from '@img/builder/builder-error';
import { checkSchema } from '@img/builder/recipe/check-schema';
import type { Located } from '@img/builder/recipe/located';
import { LocatedFields } from '@img/builder/recipe/located-fields';
import { Problems } from '@img/builder/recipe/problems';
import { readYaml } from '@img/builder/recipe/read-yaml';
import type { Schema } from '@img/builder/recipe/schema';
import { quote } from '@img/spec/quote';
import { CliError } from '../cli-error.ts';
import type { Environment } from '../environment.ts';
import { parseDuration, parseRate } from '../option-values.ts';
import { readSmallFile } from '../read-small-file.ts';
import { parseListen, type ServeOptions, workersPattern } from './serve-options.ts';
import type { UpstreamSettings } from './upstreams.ts';

const fileBytes = 64 * 1024;

const text = (title: string): Schema => ({ title, type: 'string', pattern: '^.+$', maxLength: 4096 });
const texts = (title: string, item: string): Schema => {
  return { title, type: 'array', maxItems: 1000, items: text(item) };
};
const address: Schema = {
  title: 'an address and a port, such as 0.0.0.0:5000 or [::]:5000',
  type: 'string',
  pattern:
    '^([^:\\[\\]]+|\\[[0-9a-fA-F:]+\\]):([0-5]?\\d{1,4}|6[0-4]\\d{3}|65[0-4]\\d\\d|655[0-2]\\d|6553[0-5])$',
};
const count: Schema = { title: 'a whole number from 1', type: 'integer', pattern: '^[1-9]\\d{0,8}$' };

const upstream: Schema = {
  title: 'a map with names and registry',
  type: 'object',
  additionalProperties: false,
  required: ['names', 'registry'],
  properties: {
    names: text('the beginning of names, such as hub/'),
    registry: text('a registry such as docker.io'),
    'fresh-minutes': count,
    'keep-days': count,
    'keep-gigabytes': count,
    username: text('the name of a user there'),
    'password-file': text('a file'),
    certificates: text('a file'),
  },
};

/** What a file of settings may say: the options of `img serve`, under the same names. */
const settingsSchema: Schema = {
  title: 'a map of options of img serve',
  type: 'object',
  additionalProperties: false,
  properties: {
    listen: address,
    'tls-certificate': text('a file'),
    'tls-key': text('a file'),
    metrics: address,
    data: text('a folder'),
    storage: text('a URL such as s3://images'),
    database: text('a URL such as postgres://registry@db.example.com/registry'),
    relay: texts('a list of networks', 'a network such as 10.0.0.0/8'),
    public: texts('a list of prefixes', 'a prefix such as com.example. or *'),
    admin: text('the name of a user'),
    'public-url': text('a URL such as https://registry.example.com'),
    'behind-proxy': { title: 'true or false', type: 'boolean', pattern: '^(true|false)$' },
    keyring: text('a folder'),
    'requests-per-second': count,
    'uploads-at-once': count,
    workers: { title: 'a whole number from 1 to 64', type: 'integer', pattern: workersPattern.source },
    'scrub-every': {
      title: 'a number and h, d, w or y, such as 7d',
      type: 'string',
      pattern: '^[1-9]\\d{0,4}[hdwy]$',
    },
    'scrub-rate': {
      title: 'a number and kB/s, MB/s or GB/s, such as 50MB/s',
      type: 'string',
      pattern: '^[1-9]\\d{0,5}(kB|MB|GB)/s$',
    },
    copies: { title: 'a list of registries to copy', type: 'array', maxItems: 100, items: upstream },
    log: text('a file, or -'),
  },
};

/**
 * Reads a file of settings; its paths are relative to its own folder.
 *
 * @throws CliError USAGE if there is none, CONFIG_INVALID with a line `file:line:column: …` for all that is wrong
 */
export async function readServeSettings({ workingFolder }: Environment, file: string): Promise<ServeOptions> {
  const path = resolve(workingFolder, file);
  const bytes = await readSmallFile(path, { maxBytes: fileBytes });
  if (bytes === undefined) throw new CliError('USAGE', `there is no file ${quote(file)} of settings`);
  return optionsOf(readChecked(bytes, file), (part) => resolve(dirname(path), part));
}

function optionsOf(fields: LocatedFields, located: (path: string) => string): ServeOptions {
  const given = <K extends keyof ServeOptions>(
    key: K,
    name: string,
    parse: (text: string) => ServeOptions[K],
  ) => {
    const found = fields.text(name);
    return found === undefined ? {} : { [key]: parse(found) };
  };
  const list = <K extends keyof ServeOptions>(key: K) => {
    return fields.has(key) ? { [key]: fields.texts(key).map((item) => item.text) } : {};
  };
  const plain = (found: string) => found;
  return {
    ...given('listen', 'listen', parseListen),
    ...given('metrics', 'metrics', parseListen),
    ...given('tlsCertificate', 'tls-certificate', located),
    ...given('tlsKey', 'tls-key', located),
    ...given('data', 'data', located),
    ...given('keyring', 'keyring', located),
    ...given('log', 'log', (found) => (found === '-' ? found : located(found))),
    ...given('storage', 'storage', plain),
    ...given('database', 'database', plain),
    ...given('admin', 'admin', plain),
    ...given('publicUrl', 'public-url', plain),
    ...given('behindProxy', 'behind-proxy', (found) => found === 'true'),
    ...given('requestsPerSecond', 'requests-per-second', Number),
    ...given('uploadsAtOnce', 'uploads-at-once', Number),
    ...given('workers', 'workers', Number),
    ...given('scrubEvery', 'scrub-every', parseDuration),
    ...given('scrubRate', 'scrub-rate', parseRate),
    ...(fields.has('copies')
      ? { copies: fields.items('copies').map((item) => upstreamOf(item, located)) }
      : {}),
    ...list('relay'),
    ...list('public'),
  };
}

function upstreamOf(item: Located, located: (path: string) => string): UpstreamSettings {
  const fields = new LocatedFields(item);
  const given = <K extends keyof UpstreamSettings>(
    key: K,
    name: string,
    parse: (text: string) => UpstreamSettings[K],
  ) => {
    const found = fields.text(name);
    return found === undefined ? {} : { [key]: parse(found) };
  };
  return {
    names: fields.text('names') ?? '',
    registry: fields.text('registry') ?? '',
    ...given('freshMinutes', 'fresh-minutes', Number),
    ...given('keepDays', 'keep-days', Number),
    ...given('keepGigabytes', 'keep-gigabytes', Number),
    ...given('username', 'username', String),
    ...given('passwordFile', 'password-file', located),
    ...given('certificates', 'certificates', located),
  };
}

function readChecked(bytes: Uint8Array, file: string): LocatedFields {
  const problems = new Problems(file);
  try {
    const value = readYaml(bytes, problems);
    // An empty file, or one with comments only, says nothing.
    if (value?.kind === 'text' && value.text === '') return new LocatedFields(undefined);
    if (value !== undefined) checkSchema(value, settingsSchema, '', problems);
    problems.throwIfAny();
    return new LocatedFields(value);
  } catch (error) {
    if (error instanceof BuilderError) throw new CliError('CONFIG_INVALID', error.message);
    throw error;
  }
}
