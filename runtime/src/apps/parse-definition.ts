import type { JsonFields } from '@img/spec/json-fields';
import { type InsecureItem, parseInsecureItem } from '../config/insecure-item.ts';
import { profileNames } from '../config/profile.ts';
import { networkNames } from '../config/run-options.ts';
import { RuntimeError } from '../runtime-error.ts';
import { type AppDefinition, checkDefinition, type UpdatePolicy } from './app-definition.ts';

const maxItems = 256;

const texts = [
  'version',
  'entrypoint',
  'user',
  'workdir',
  'hostname',
  'memory',
  'cpus',
  'health',
  'healthTimeout',
  'schedule',
  'watchdog',
] as const;
const lists = [
  'command',
  'environment',
  'volumes',
  'tmpfs',
  'secrets',
  'ports',
  'sockets',
  'requires',
] as const;
const others = [
  'image',
  'network',
  'writable',
  'pids',
  'profile',
  'insecure',
  'restart',
  'notify',
  'update',
] as const;

/**
 * Reads the definition of an app from JSON.
 *
 * @throws as `checkDefinition`; SpecError for what has another type
 */
export function parseDefinition(fields: JsonFields): AppDefinition {
  fields.onlyKeys([...texts, ...lists, ...others]);
  const definition: AppDefinition = {
    image: fields.string('image'),
    ...present(texts, (key) => fields.optionalString(key)),
    ...present(lists, (key) => fields.optionalStrings(key, maxItems)),
    ...optional('network', oneOf(fields, 'network', networkNames)),
    ...optional('restart', oneOf(fields, 'restart', ['always', 'on-failure', 'no'])),
    ...optional('writable', fields.optionalBoolean('writable')),
    ...optional('notify', fields.optionalBoolean('notify')),
    ...optional('pids', fields.optionalInteger('pids', 1)),
    ...optional('profile', oneOf(fields, 'profile', profileNames)),
    ...optional('insecure', insecureOf(fields)),
    ...optional('update', updateOf(fields.optionalObject('update'))),
  };
  checkDefinition(definition);
  return definition;
}

function updateOf(fields: JsonFields | undefined): UpdatePolicy | undefined {
  if (fields === undefined) return undefined;
  fields.onlyKeys(['policy', 'minAge', 'window', 'stable']);
  return {
    ...optional('policy', oneOf(fields, 'policy', ['auto', 'manual'])),
    ...present(['minAge', 'window', 'stable'] as const, (key) => fields.optionalString(key)),
  };
}

function insecureOf(fields: JsonFields): readonly InsecureItem[] | undefined {
  return fields.optionalStrings('insecure', maxItems)?.map(parseInsecureItem);
}

function oneOf<const Choice extends string>(
  fields: JsonFields,
  key: string,
  choices: readonly Choice[],
): Choice | undefined {
  const text = fields.optionalString(key);
  const choice = choices.find((known) => known === text);
  if (text === undefined || choice !== undefined) return choice;
  throw new RuntimeError(
    'APP_INVALID',
    `${fields.path(key)} ${JSON.stringify(text)} should be ${choices.join(' or ')}`,
  );
}

function present<Key extends string, Value>(
  keys: readonly Key[],
  read: (key: Key) => Value | undefined,
): { readonly [key in Key]?: Value } {
  return Object.assign({}, ...keys.map((key) => optional(key, read(key)))) as { [key in Key]?: Value };
}

function optional<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): { readonly [key in Key]?: Value } {
  return (value === undefined ? {} : { [key]: value }) as { [key in Key]?: Value };
}
