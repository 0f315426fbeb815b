import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BuilderError } from '@img/builder/builder-error';
import { checkSchema } from '@img/builder/recipe/check-schema';
import type { Located } from '@img/builder/recipe/located';
import { LocatedFields } from '@img/builder/recipe/located-fields';
import { Problems } from '@img/builder/recipe/problems';
import { readYaml } from '@img/builder/recipe/read-yaml';
import { type AppDefinition, checkDefinition } from '@img/runtime/apps/app-definition';
import { parseAppName } from '@img/runtime/apps/app-name';
import type { NamedDefinition } from '@img/runtime/apps/plan-apps';
import { parseInsecureItem } from '@img/runtime/config/insecure-item';
import { CodedError } from '@img/spec/coded-error';
import { formatReference, parseReference, type Registries } from '@img/spec/reference';
import { CliError } from '../cli-error.ts';
import { readSmallFile } from '../read-small-file.ts';
import { appPorts } from './app-ports.ts';
import { appSchema } from './app-schema.ts';

const maxFileBytes = 256 * 1024;
const maxFiles = 1000;

/**
 * Reads the apps that a host shall have: each `*.yaml` of a folder is one, called like the file; with replicas it is
 * several, `NAME-1` and so on. All are read before anything is done.
 *
 * @throws CliError APPS_INVALID with the file, and line and column where there are any
 */
export async function readAppFiles(
  folder: string,
  registries: Registries,
): Promise<readonly NamedDefinition[]> {
  const files = (await listFolder(folder))
    .filter((name) => name.endsWith('.yaml') && !name.startsWith('.'))
    .sort();
  if (files.length > maxFiles)
    throw new CliError('APPS_INVALID', `${folder} has more than ${maxFiles} files`);
  const apps: NamedDefinition[] = [];
  for (const file of files) {
    const path = join(folder, file);
    const bytes = await readSmallFile(path, { maxBytes: maxFileBytes });
    if (bytes !== undefined) apps.push(...parseAppFile(bytes, path, registries));
  }
  const twice = apps.find(({ name }, index) => apps.findIndex((app) => app.name === name) !== index);
  if (twice !== undefined)
    throw new CliError('APPS_INVALID', `two files of ${folder} say what ${twice.name} is`);
  return apps;
}

async function listFolder(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    // Without it every app would be ended, because of a typing mistake or a disk that is not there.
    throw new CliError('APPS_INVALID', `folder ${folder} can't be read: ${(cause as Error).message}`, {
      cause,
      hint: 'make it, with a file NAME.yaml for each app that this host shall have',
    });
  }
}

/** The apps that a file asks for. @throws CliError APPS_INVALID */
export function parseAppFile(
  bytes: Uint8Array,
  path: string,
  registries: Registries,
): readonly NamedDefinition[] {
  const fields = new LocatedFields(readChecked(bytes, path));
  const definition = definitionOf(fields, path, registries);
  const base = basename(path, '.yaml');
  const replicas = Number(fields.text('replicas') ?? '1');
  if (replicas > 1 && definition.ports !== undefined) {
    throw new CliError('APPS_INVALID', `${path}: ${replicas} replicas can't publish the same ports`, {
      hint: 'write a file for each, with ports of its own, or leave out the ports',
    });
  }
  const names = fields.has('replicas')
    ? Array.from({ length: replicas }, (_, index) => `${base}-${index + 1}`)
    : [base];
  return named(path, () => names.map((name) => ({ name: parseAppName(name), definition })));
}

function readChecked(bytes: Uint8Array, path: string): Located | undefined {
  const problems = new Problems(path);
  try {
    const value = readYaml(bytes, problems);
    if (value !== undefined) checkSchema(value, appSchema, '', problems);
    problems.throwIfAny();
    return value;
  } catch (error) {
    if (error instanceof BuilderError) throw new CliError('APPS_INVALID', error.message);
    throw error;
  }
}

const plainTexts = [
  ...['version', 'entrypoint', 'network', 'user', 'workdir', 'hostname', 'memory', 'cpus', 'health'],
  ...['healthTimeout', 'restart', 'schedule', 'watchdog', 'profile'],
];
const plainLists = ['command', 'volumes', 'tmpfs', 'secrets', 'sockets', 'requires'];

function definitionOf(fields: LocatedFields, path: string, registries: Registries): AppDefinition {
  const texts = (key: string) => fields.texts(key).map(({ text }) => text);
  const value = {
    image: named(path, () => formatReference(parseReference(fields.text('image') ?? '', registries))),
    ...named(path, () => appPorts(texts('ports'), fields.text('network'))),
    ...Object.fromEntries(plainTexts.filter((key) => fields.has(key)).map((key) => [key, fields.text(key)])),
    ...Object.fromEntries(plainLists.filter((key) => fields.has(key)).map((key) => [key, texts(key)])),
    ...(fields.has('environment')
      ? { environment: [...fields.textMap('environment')].map(([name, text]) => `${name}=${text}`) }
      : {}),
    ...Object.fromEntries(
      ['writable', 'notify']
        .filter((key) => fields.has(key))
        .map((key) => [key, fields.text(key) === 'true']),
    ),
    ...(fields.has('insecure')
      ? { insecure: named(path, () => texts('insecure').map(parseInsecureItem)) }
      : {}),
    ...(fields.has('pids') ? { pids: Number(fields.text('pids')) } : {}),
    ...(fields.has('update') ? { update: Object.fromEntries(fields.textMap('update')) } : {}),
  } as AppDefinition;
  named(path, () => checkDefinition(value));
  return value;
}

// What the parsers below refuse knows no lines.
function named<Value>(path: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    const { message, hint } = error;
    throw new CliError('APPS_INVALID', `${path}: ${message}`, {
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}
