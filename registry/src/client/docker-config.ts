import { readFile, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type JsonObject, type JsonValue, parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { RegistryError } from '../registry-error.ts';
import { makeFolder } from '../storage/make-folder.ts';
import { writeFileAtomic } from '../storage/write-file-atomic.ts';

export type Environment = { readonly [name: string]: string | undefined };

const maxConfigBytes = 1024 * 1024;

/** Where Docker keeps its configuration: in the folder DOCKER_CONFIG, else in `.docker` of the user. */
export function dockerConfigPath(environment: Environment, home: string): string {
  const folder = environment['DOCKER_CONFIG'];
  return join(folder === undefined || folder === '' ? join(home, '.docker') : folder, 'config.json');
}

/** The file with all of its keys; empty if there is none. @throws RegistryError CREDENTIALS_INVALID */
export async function readDockerConfig(path: string): Promise<JsonObject> {
  try {
    const bytes = await readFile(path);
    // Some tools leave an empty file behind.
    if (bytes.byteLength === 0) return {};
    const value = parseJson(bytes, { maxBytes: maxConfigBytes });
    new JsonFields(value, 'config.json', 'JSON_INVALID');
    return value as JsonObject;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw invalidConfig(path, cause);
  }
}

/** Writes the file for its owner's eyes only; a symbolic link stays, and what it leads to is written. */
export async function writeDockerConfig(path: string, config: JsonObject): Promise<void> {
  const target = await realpath(path).catch(() => path);
  await makeFolder(dirname(target));
  await writeFileAtomic(target, `${JSON.stringify(config, undefined, '\t')}\n`, { mode: 0o600 });
}

/** An object in the file, by its key; empty if absent. @throws RegistryError CREDENTIALS_INVALID */
export function section(config: JsonObject, key: string, path: string): JsonObject {
  const value: JsonValue | undefined = Object.hasOwn(config, key) ? config[key] : undefined;
  if (value === undefined || value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as JsonObject;
  throw invalidConfig(path, new Error(`${key} should be an object`));
}

export function invalidConfig(path: string, cause: unknown): RegistryError {
  return new RegistryError(
    'CREDENTIALS_INVALID',
    `can't read credentials from ${path}: ${(cause as Error).message}`,
    {
      cause,
      hint: 'correct the file, or remove it and log in again',
    },
  );
}
